/** Delta sync of a library's cache, in a running mount and without one. */

import type { BytePath } from "../bytes.ts";
import type { WholeContents } from "../cache/former_contents.ts";
import { treeFile } from "../cache/tree_files.ts";
import type { CatalogChanges, CatalogReader, CatalogWriter } from "../catalog/catalog.ts";
import type { Clock } from "../clock.ts";
import type { OriginSettings } from "../config/config.ts";
import { messageOf } from "../errors.ts";
import type { Origin, OriginId } from "../origins/origin.ts";
import type { DeltaPorts } from "../sync/delta/delta_file.ts";
import { refreshReplica } from "../sync/delta/refresh_replica.ts";
import {
  lostContents,
  type SyncDeltaReport,
  type SyncDeltaWish,
  syncDelta,
} from "../sync/delta/sync_delta.ts";
import { type OpenIndex, openOriginIndex } from "../sync/index/origin_index.ts";

export interface DeltaSyncPorts {
  readonly clock: Clock;
  readonly catalog: CatalogReader;
  readonly writer: Pick<CatalogWriter, "applyStat" | "setContent">;
  /** For the log. */
  readonly onWarning: (message: string) => void;
  /** What follows from a change of the catalog. */
  readonly onChanges: (changes: CatalogChanges) => void;
  readonly cache: DeltaPorts["cache"] & WholeContents;
  readonly fetch: DeltaPorts["fetch"];
  /** An origin that can be asked; undefined for one that is not there or not well. */
  readonly origin: (id: OriginId) => Promise<Origin | undefined>;
  readonly settings: (id: OriginId) => OriginSettings | undefined;
}

export class DeltaSync {
  constructor(readonly ports: DeltaSyncPorts) {}

  /** Those of the files whose older version is in the cache, or that were renamed perhaps. */
  outdated(paths: readonly BytePath[]): readonly BytePath[] {
    const { catalog, cache } = this.ports;
    const lost = lostContents(this.ports);
    return paths.filter((path) => {
      const file = treeFile(catalog, path);
      if (file === undefined) return false;
      const held = cache.holding(file);
      return held === "former" || (held === "none" && lost(file.sizeBytes).length > 0);
    });
  }

  /** Syncs files of which the catalog knows the newest version. Rejects as `syncDelta`. */
  async follow(paths: readonly BytePath[], signal: AbortSignal): Promise<SyncDeltaReport> {
    await using indexes = new Indexes(this.ports.settings);
    const wish = { paths, origins: [], all: false, dryRun: false };
    const onProgress = () => undefined;
    const refresh = () => Promise.resolve();
    const { index } = indexes;
    return await syncDelta(wish, {
      ...this.ports,
      ...{ onDescribed: this.onDescribed, isCached: this.isCached },
      ...{ index, signal, pins: new Set(), onProgress, refresh },
    });
  }

  /** What a version consists of is known now. Never rejects. */
  readonly onDescribed: DeltaPorts["onDescribed"] = async (version, content) => {
    const { writer, onChanges, onWarning } = this.ports;
    try {
      onChanges(await writer.setContent(version, content));
    } catch (error) {
      // The file is in the cache all the same.
      onWarning(messageOf(error));
    }
  };

  readonly isCached: DeltaPorts["isCached"] = (id) => this.ports.settings(id)?.cache ?? false;

  /** Rejects as `syncDelta`. `pins`: paths whose files are wanted as a whole. */
  async run(
    wish: SyncDeltaWish,
    pins: ReadonlySet<BytePath>,
    signal: AbortSignal,
    onProgress: (doneBytes: number, totalBytes: number) => void,
  ): Promise<SyncDeltaReport> {
    await using indexes = new Indexes(this.ports.settings);
    const { writer, onChanges, origin: originOf, ...ports } = this.ports;
    return await syncDelta(wish, {
      ...ports,
      origin: originOf,
      index: indexes.index,
      ...{ onDescribed: this.onDescribed, isCached: this.isCached },
      signal,
      pins,
      onProgress,
      refresh: async (replica) => {
        const origin = await originOf(replica.origin);
        if (origin === undefined) return;
        await refreshReplica(replica, { origin, writer, onChanges, signal });
      },
    });
  }
}

/** The origins' indexes as they are now: each is opened once, for one sync. */
class Indexes implements AsyncDisposable {
  readonly #opened = new Map<OriginId, Promise<OpenIndex | undefined>>();

  constructor(readonly settings: DeltaSyncPorts["settings"]) {}

  readonly index: DeltaPorts["index"] = (id) => {
    const known = this.#opened.get(id) ?? openOriginIndex(this.settings(id));
    this.#opened.set(id, known);
    return known;
  };

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { value } of fulfilled(await Promise.allSettled(this.#opened.values()))) {
      await value?.[Symbol.asyncDispose]();
    }
  }
}

function fulfilled<T>(results: readonly PromiseSettledResult<T>[]) {
  return results.filter((result) => result.status === "fulfilled");
}
