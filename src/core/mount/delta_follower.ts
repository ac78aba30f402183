/**
 * Keeps cached files up to date while a mount runs: what was modified on an origin is synced soon, and
 * so is what was added where something else was removed: it may have been renamed. After the first scan
 * all that is cached is looked at: a mount may have ended before it had synced what it knew of.
 */

import type { BytePath } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { MusicFsError, messageOf } from "../errors.ts";
import type { EventBus } from "../events.ts";
import { DELTA_DEBOUNCE_MS, DELTA_LOOK_FILES, DELTA_QUEUE_FILES } from "../limits.ts";
import type { SyncDeltaReport } from "../sync/delta/sync_delta.ts";

export interface DeltaFollowerPorts {
  readonly clock: Clock;
  readonly events: EventBus;
  /** Those of the paths whose older version is in the cache, or that were renamed perhaps. */
  readonly outdated: (paths: readonly BytePath[]) => readonly BytePath[];
  /** Paths of what is cached. */
  readonly cached: () => readonly BytePath[];
  /** Brings them to their new versions; rejects with a `MusicFsError`. */
  readonly sync: (paths: readonly BytePath[]) => Promise<SyncDeltaReport>;
  /** For the log. */
  readonly onWarning: (message: string) => void;
}

export class DeltaFollower implements Disposable {
  /** Modified and renamed files, each once. Those beyond DELTA_QUEUE_FILES are synced when they are read. */
  readonly #modified = new Set<BytePath>();
  /** Files that came since files went. Scans tell of what went last. */
  readonly #added = new Set<BytePath>();
  readonly #subscription: Disposable;
  #timer: Disposable | undefined;
  #isSyncing = false;
  #isFirstScan = true;
  #isDisposed = false;

  constructor(readonly ports: DeltaFollowerPorts) {
    this.#subscription = ports.events.subscribe((event) => {
      switch (event.type) {
        case "file_modified":
          this.#take(event.path);
          break;
        case "file_added":
          if (this.#added.size < DELTA_QUEUE_FILES) this.#added.add(event.path);
          break;
        case "file_removed":
          for (const path of this.#added) this.#take(path);
          this.#added.clear();
          break;
        case "scan_finished":
          this.#added.clear();
          if (this.#isFirstScan) for (const path of ports.cached()) this.#take(path);
          this.#isFirstScan = false;
          break;
      }
    });
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#subscription[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
    this.#modified.clear();
    this.#added.clear();
  }

  #take(path: BytePath): void {
    if (this.#modified.size >= DELTA_QUEUE_FILES) return;
    this.#modified.add(path);
    this.#syncSoon();
  }

  #syncSoon(): void {
    if (this.#isSyncing || this.#isDisposed) return;
    this.#timer ??= this.ports.clock.schedule(DELTA_DEBOUNCE_MS, () => {
      this.#timer = undefined;
      void this.#sync();
    });
  }

  async #sync(): Promise<void> {
    const { events, outdated, sync, onWarning } = this.ports;
    const looked = [...this.#modified.values().take(DELTA_LOOK_FILES)];
    for (const path of looked) this.#modified.delete(path);
    const paths = outdated(looked);
    if (paths.length === 0) {
      if (this.#modified.size > 0) this.#syncSoon();
      return;
    }
    this.#isSyncing = true;
    events.emit({ type: "sync_started", files: paths.length });
    try {
      const { files } = await sync(paths);
      const sum = (of: (file: (typeof files)[number]) => number) =>
        files.reduce((total, file) => total + of(file), 0);
      const failed = files.filter(({ method }) => method === undefined);
      for (const { reason } of failed) onWarning(`a cached file was not synced: ${reason}`);
      events.emit({
        type: "sync_finished",
        files: files.length,
        failed: failed.length,
        bytes: sum(({ sizeBytes }) => sizeBytes),
        fetched: sum(({ fetchedBytes }) => fetchedBytes),
      });
    } catch (error) {
      if (!(error instanceof MusicFsError)) throw error;
      events.emit({ type: "sync_finished", files: 0, failed: paths.length, bytes: 0, fetched: 0 });
      if (error.code !== "cancelled")
        onWarning(`cached files were not synced: ${messageOf(error)}`);
    } finally {
      this.#isSyncing = false;
      if (this.#modified.size > 0) this.#syncSoon();
    }
  }
}
