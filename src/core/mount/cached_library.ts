/** What people ask of a library's cache, in a running mount and without one. */

import { type BytePath, displayPath, ROOT_PATH } from "../bytes.ts";
import type { BlockCache, CacheState } from "../cache/block_cache.ts";
import { lowWaterBytes } from "../cache/capacity.ts";
import { type FetchedFiles, fetchFiles } from "../cache/fetch_files.ts";
import { NOTHING_READ, type ReadSources } from "../cache/reader.ts";
import type {
  CacheStats,
  ClearOptions,
  ClearReport,
  StoreCalls,
  VerifyOptions,
  VerifyReport,
} from "../cache/store_protocol.ts";
import { filesOfPins, treeFiles } from "../cache/tree_files.ts";
import type { CatalogReader } from "../catalog/catalog.ts";
import type { CacheUsage, ControlledCache, OnBytes } from "../control/controlled_mount.ts";
import { OwnError } from "../errors.ts";
import type { FetchFile } from "../federation/file.ts";
import { shownBytes } from "../quantities.ts";
import type { SyncDeltaReport, SyncDeltaWish } from "../sync/delta/sync_delta.ts";
import type { DeltaSync } from "./delta_sync.ts";

export interface CachedLibraryPorts {
  readonly catalog: CatalogReader;
  readonly blocks: BlockCache & { readonly usedBytes: number };
  readonly calls: (onProgress?: OnBytes) => StoreCalls;
  readonly fetch: FetchFile;
  readonly budgetBytes: number;
  /** Where the bytes of all reads through the cache came from. Default: nothing reads. */
  readonly reads?: () => ReadSources;
  /** Opens that the kernel reads by itself. Default: none. */
  readonly opensPassedThrough?: () => number;
  readonly delta: DeltaSync;
}

export class CachedLibrary implements ControlledCache {
  readonly #closing = new AbortController();

  constructor(readonly ports: CachedLibraryPorts) {}

  get state(): CacheState {
    return this.ports.blocks.state;
  }

  get usage(): CacheUsage {
    const { blocks, budgetBytes } = this.ports;
    const { cacheBytes, memoryBytes, originBytes } = this.ports.reads?.() ?? NOTHING_READ;
    const reads = { hitBytes: cacheBytes, missedBytes: memoryBytes + originBytes };
    const opensPassedThrough = this.ports.opensPassedThrough?.() ?? 0;
    return { usedBytes: blocks.usedBytes, limitBytes: budgetBytes, ...reads, opensPassedThrough };
  }

  stats(): Promise<CacheStats> {
    return this.ports.calls().stats();
  }

  clear(options: ClearOptions): Promise<ClearReport> {
    return this.ports.calls().clear(options);
  }

  verify(options: VerifyOptions, onProgress: OnBytes): Promise<VerifyReport> {
    return this.ports.calls(onProgress).verify(options);
  }

  /**
   * Pins the paths, and fetches what is missing of them. Rejects with `usage` for a path that is
   * not there, and with `cache`, before anything is done, when the files of all pins together do
   * not fit.
   */
  async pin(paths: readonly BytePath[], onProgress: OnBytes): Promise<FetchedFiles> {
    this.#requireRoom(await this.#filesOfPinsAnd(paths), "pinned files would take");
    await this.ports.calls().pin(paths);
    return await this.#fetch(paths, onProgress);
  }

  /** Rejects with `usage`, before anything is done, for a path that is not pinned. */
  async unpin(paths: readonly BytePath[]): Promise<void> {
    const { pins } = await this.stats();
    const others = paths.filter((path) => !pins.includes(path));
    if (others.length > 0) {
      const names = others.map(displayPath).join(", ");
      throw new OwnError("usage", `not pinned: ${names}; see musicfs cache stats`);
    }
    await this.ports.calls().unpin(paths);
  }

  /** Fetches what is missing of the files. Rejects as `pin`: pinned files keep their room. */
  async prefetch(paths: readonly BytePath[], onProgress: OnBytes): Promise<FetchedFiles> {
    this.#requireRoom(await this.#filesOfPinsAnd(paths), "with pinned files it would take");
    return await this.#fetch(paths, onProgress);
  }

  /** Rejects as `syncDelta`, and as `pin` where files are wanted that do not fit. */
  async syncDelta(wish: SyncDeltaWish, onProgress: OnBytes): Promise<SyncDeltaReport> {
    if (wish.all && !wish.dryRun) {
      const paths = wish.paths.length === 0 ? [ROOT_PATH] : wish.paths;
      this.#requireRoom(await this.#filesOfPinsAnd(paths), "with pinned files it would take");
    }
    const pins = new Set((await this.stats()).pins);
    return await this.ports.delta.run(wish, pins, this.#closing.signal, onProgress);
  }

  /** Those of the files whose older version is cached. */
  outdated(paths: readonly BytePath[]): readonly BytePath[] {
    return this.ports.delta.outdated(paths);
  }

  /** As `DeltaSync.follow`. */
  follow(paths: readonly BytePath[]): Promise<SyncDeltaReport> {
    return this.ports.delta.follow(paths, this.#closing.signal);
  }

  /** Ends what is being fetched. */
  close(): void {
    this.#closing.abort("the mount ends");
  }

  /** Bytes of what is pinned, and of these paths. */
  async #filesOfPinsAnd(paths: readonly BytePath[]): Promise<number> {
    const { catalog } = this.ports;
    const { pins } = await this.stats();
    const sizes = new Map<number, number>();
    for (const { version, sizeBytes } of treeFiles(catalog, paths)) sizes.set(version, sizeBytes);
    for (const { version, sizeBytes } of filesOfPins(catalog, pins)) sizes.set(version, sizeBytes);
    return sizes.values().reduce((sum, sizeBytes) => sum + sizeBytes, 0);
  }

  #requireRoom(wantedBytes: number, what: string): void {
    const roomBytes = lowWaterBytes(this.ports.budgetBytes);
    if (wantedBytes <= roomBytes) return;
    throw new OwnError(
      "cache",
      `${what} ${shownBytes(wantedBytes)}, and there is room for ${shownBytes(roomBytes)}: nine tenths of content_cache_gb`,
    );
  }

  #fetch(paths: readonly BytePath[], onProgress: OnBytes): Promise<FetchedFiles> {
    const { catalog, blocks, fetch } = this.ports;
    const files = [...treeFiles(catalog, paths)];
    const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    onProgress(0, total);
    return fetchFiles(files, {
      cache: blocks,
      fetch,
      signal: this.#closing.signal,
      onProgress: (done) => onProgress(done, total),
    });
  }
}
