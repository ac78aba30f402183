/** What happens, told to whoever listens: log, control API, TUI, tests (F-10). */

import type { BytePath } from "./bytes.ts";
import type { OriginId } from "./origins/origin.ts";

export type HealthStatus = "unknown" | "healthy" | "degraded" | "unhealthy";

export type MusicFsEvent =
  | { readonly type: "origin_added"; readonly origin: OriginId }
  | { readonly type: "origin_removed"; readonly origin: OriginId }
  | {
      readonly type: "health_changed";
      readonly origin: OriginId;
      readonly from: HealthStatus;
      readonly to: HealthStatus;
      readonly reason?: string;
    }
  | {
      readonly type: "failover";
      readonly path: BytePath;
      readonly from: OriginId;
      readonly to: OriginId;
      readonly reason: string;
    }
  | { readonly type: "all_origins_unhealthy" }
  | { readonly type: "recovered"; readonly origin: OriginId }
  | { readonly type: "file_unavailable"; readonly path: BytePath; readonly reason: string }
  | {
      readonly type: "replica_mismatch";
      readonly path: BytePath;
      readonly origins: readonly [OriginId, OriginId];
      readonly how: "size" | "fingerprint" | "checksum" | "seam";
    }
  | {
      readonly type: "kind_conflict";
      readonly path: BytePath;
      readonly shown: OriginId;
      readonly hidden: OriginId;
    }
  | {
      /** An origin holds something that cannot be shown under its name; it is left out. */
      readonly type: "name_skipped";
      readonly origin: OriginId;
      /** As the origin has it, for display: it need not be a valid path. */
      readonly path: BytePath;
      readonly reason: string;
    }
  | { readonly type: "file_added"; readonly origin: OriginId; readonly path: BytePath }
  | { readonly type: "file_modified"; readonly origin: OriginId; readonly path: BytePath }
  | { readonly type: "file_removed"; readonly origin: OriginId; readonly path: BytePath }
  | { readonly type: "scan_started"; readonly origin: OriginId }
  /** From now on it tells of its changes by itself; a scan of what happened before follows. */
  | { readonly type: "origin_watched"; readonly origin: OriginId }
  | {
      readonly type: "scan_finished";
      readonly origin: OriginId;
      /** `cancelled`: nobody wanted it any more, as when the mount ends or the origin is removed. */
      readonly outcome: "complete" | "partial" | "held" | "failed" | "cancelled";
      readonly reason?: string;
    }
  /** So many cached files are being brought to their new versions. */
  | { readonly type: "sync_started"; readonly files: number }
  | {
      readonly type: "sync_finished";
      readonly files: number;
      readonly failed: number;
      /** Bytes of the files, and those of them that came from an origin. */
      readonly bytes: number;
      readonly fetched: number;
    }
  /** A cached block was not what its checksum proves, or could not be read; it is fetched again. */
  | {
      readonly type: "cache_block_dropped";
      readonly path: BytePath;
      /** The first block lost, in BLOCK_BYTES. */
      readonly block: number;
      readonly reason: string;
    }
  | { readonly type: "cache_evicted"; readonly files: number; readonly bytes: number }
  | {
      readonly type: "cache_state_changed";
      readonly status: "ok" | "degraded";
      readonly reason?: string;
    };

export type EventType = MusicFsEvent["type"];
export type EventListener = (event: MusicFsEvent) => void;

/** Synchronous fan-out in order of subscription. A listener must neither block nor throw. */
export class EventBus {
  readonly #listeners = new Set<EventListener>();

  emit(event: MusicFsEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  subscribe(listener: EventListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** For leak checks. */
  get listenerCount(): number {
    return this.#listeners.size;
  }
}
