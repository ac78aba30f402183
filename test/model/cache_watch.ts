/**
 * The block cache: what is kept of a version is read without its origins, and disk and memory stay
 * within what they may take.
 */

import type { BlockCache, CachedFile } from "../../src/core/cache/block_cache.ts";
import { blockAt } from "../../src/core/cache/blocks.ts";
import { contentNames } from "../../src/core/cache/content_name.ts";
import { IndexReader } from "../../src/core/cache/index_reader.ts";
import { contentDirectory } from "../../src/core/cache/open_index.ts";
import type { OriginSettings } from "../../src/core/config/config.ts";
import type { MusicFsEvent } from "../../src/core/events.ts";
import { READER_MEMORY_BYTES } from "../../src/core/limits.ts";
import { errnoName } from "../../src/core/sys/errno.ts";
import { versionOf } from "../../src/core/vfs/nodeid.ts";
import type { ModelDisk } from "./cache_disk.ts";
import type { FileHandle } from "./file_handle.ts";
import type { Life } from "./life.ts";
import type { Setup } from "./operations.ts";
import type { Violate } from "./promises.ts";
import type { Read } from "./read_log.ts";
import type { Watch } from "./watch.ts";

export interface CacheWatchPorts {
  readonly setup: Setup;
  readonly settings: readonly OriginSettings[];
  readonly disk: ModelDisk;
  readonly changes: { readonly configured: number };
  readonly life: Life;
  readonly fail: Violate;
}

export class CacheWatch implements Watch {
  /** Reads of what was cached when they began, with the disturbances until then. */
  readonly #cached = new WeakMap<Read, string>();
  /** Whether a handle's reads go through the cache: told by its first one. */
  readonly #throughCache = new WeakMap<FileHandle, boolean>();
  /** Blocks of the versions that are open, as the program has them. */
  readonly #open = new Map<number, Set<CachedFile>>();
  #disturbances = 0;
  #isHarmed = false;

  constructor(readonly ports: CacheWatchPorts) {}

  /** The cache as the program has it: what it opens is noted. */
  around(cache: BlockCache): BlockCache {
    return {
      get state() {
        return cache.state;
      },
      room: () => cache.room(),
      open: (file) => {
        const opened = cache.open(file);
        const views = this.#open.get(file.version) ?? new Set();
        this.#open.set(file.version, views.add(opened));
        return {
          has: (block) => opened.has(block),
          get isComplete() {
            return opened.isComplete;
          },
          read: (offsetBytes, into) => opened.read(offsetBytes, into),
          keep: (offsetBytes, bytes, source) => opened.keep(offsetBytes, bytes, source),
          settled: () => opened.settled(),
          [Symbol.dispose]: () => {
            views.delete(opened);
            opened[Symbol.dispose]();
          },
        };
      },
    };
  }

  /** Something happened to the disk, or somebody removed what was cached. */
  disturbed(): void {
    this.#disturbances++;
  }

  /** Its files are not what the program wrote any more. */
  harmed(): void {
    this.#isHarmed = true;
  }

  event(event: MusicFsEvent): void {
    if (event.type === "cache_evicted" || event.type === "cache_state_changed") this.disturbed();
  }

  readSent(read: Read): void {
    const { life, disk } = this.ports;
    if (life.cache === undefined) return;
    const replicas = life.truth.replicas(versionOf(read.handle.node.nodeid));
    const isKept = replicas.some(({ origin }) => life.assembly.isCached(origin));
    const isFirst = !this.#throughCache.has(read.handle);
    if (isFirst) this.#throughCache.set(read.handle, isKept);
    if (!this.#throughCache.get(read.handle) || this.#isHarmed || disk.mood !== "well") return;
    if (this.#isCached(read)) this.#cached.set(read, this.#stamp);
  }

  readAnswered(read: Read): void {
    const { life, fail } = this.ports;
    const { result, interrupted, handle, offsetBytes } = read;
    const stamp = this.#cached.get(read);
    if (stamp === undefined || stamp !== this.#stamp || interrupted || life.clock.dead) return;
    if (result === undefined || "ok" in result) return;
    const what = `${read.lengthBytes} bytes at ${offsetBytes} of ${handle.path}`;
    fail("what is cached is read", `${what}: ${errnoName(result.errno)}`);
  }

  look(): void {
    const { setup, life, fail } = this.ports;
    if (life.cache === undefined) return;
    const { usedBytes } = life.cache.blocks;
    if (usedBytes > setup.cacheBudgetBytes) {
      fail("the cache keeps its budget", `${usedBytes} bytes of ${setup.cacheBudgetBytes}`);
    }
    const { memoryBytes } = life.assembly.waiting;
    if (memoryBytes > READER_MEMORY_BYTES) fail("nothing leaks", `${memoryBytes} bytes of blocks`);
  }

  lifeEnded(): void {
    this.#open.clear();
  }

  get #stamp(): string {
    return `${this.#disturbances} ${this.ports.changes.configured}`;
  }

  #isCached({ handle, offsetBytes, lengthBytes }: Read): boolean {
    if (lengthBytes === 0) return false;
    const has = this.#blocksOf(handle.node.nodeid, handle.node.sizeBytes);
    const last = blockAt(offsetBytes + lengthBytes - 1);
    for (let block = blockAt(offsetBytes); block <= last; block++) if (!has(block)) return false;
    return true;
  }

  /** As the program has them open, or would find them. */
  #blocksOf(nodeid: number, sizeBytes: number): (block: number) => boolean {
    const { life } = this.ports;
    const version = versionOf(nodeid);
    const [view] = this.#open.get(version) ?? [];
    if (view !== undefined) return (block) => view.has(block);
    using index = new IndexReader(contentDirectory(life.ports.directory));
    index.reopen();
    const found = index.find(contentNames(life.truth.replicas(version)), sizeBytes);
    return (block) => found?.sums.has(block) ?? false;
  }
}
