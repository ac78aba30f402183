/** Keeps cached files up to date while a mount runs: what was modified on an origin is synced soon. */

import type { BytePath } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { MusicFsError, messageOf } from "../errors.ts";
import type { EventBus } from "../events.ts";
import { DELTA_DEBOUNCE_MS, DELTA_QUEUE_FILES } from "../limits.ts";
import type { SyncDeltaReport } from "../sync/delta/sync_delta.ts";

export interface DeltaFollowerPorts {
  readonly clock: Clock;
  readonly events: EventBus;
  /** Those of the paths whose older version is in the cache. */
  readonly outdated: (paths: readonly BytePath[]) => readonly BytePath[];
  /** Brings them to their new versions; rejects with a `MusicFsError`. */
  readonly sync: (paths: readonly BytePath[]) => Promise<SyncDeltaReport>;
  /** For the log. */
  readonly onWarning: (message: string) => void;
}

export class DeltaFollower implements Disposable {
  /** Modified files, each once. Those beyond DELTA_QUEUE_FILES are synced when they are read. */
  readonly #modified = new Set<BytePath>();
  readonly #subscription: Disposable;
  #timer: Disposable | undefined;
  #isSyncing = false;
  #isDisposed = false;

  constructor(readonly ports: DeltaFollowerPorts) {
    this.#subscription = ports.events.subscribe((event) => {
      if (event.type !== "file_modified" || this.#modified.size >= DELTA_QUEUE_FILES) return;
      this.#modified.add(event.path);
      this.#syncSoon();
    });
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#subscription[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
    this.#modified.clear();
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
    const paths = outdated([...this.#modified]);
    this.#modified.clear();
    if (paths.length === 0) return;
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
