/** Tells of failovers and of files nobody can serve, once per change and not once per read. */

import type { BytePath } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import type { EventBus } from "../events.ts";
import { REMEMBERED_FILES, UNAVAILABLE_EVENT_INTERVAL_MS } from "../limits.ts";
import type { OriginId } from "../origins/origin.ts";
import { RecentMap } from "./recent_map.ts";

export class FailoverEvents {
  /** Where files that are not served by their preferred origin were last served from. */
  readonly #servedBy = new RecentMap<BytePath, string>(REMEMBERED_FILES);
  /** Monotonic time at which a file was last told to be unavailable. */
  readonly #unavailable = new RecentMap<BytePath, number>(REMEMBERED_FILES);

  constructor(
    private readonly clock: Clock,
    private readonly events: EventBus,
  ) {}

  /** A read was served by `to`; `from` is the origin that should have. Told when that changes. */
  served(path: BytePath, from: OriginId, to: OriginId, reason: () => string): void {
    if (from === to) {
      this.#servedBy.delete(path);
      return;
    }
    const route = `${from} ${to}`;
    if (this.#servedBy.get(path) === route) return;
    this.#servedBy.set(path, route);
    this.events.emit({ type: "failover", path, from, to, reason: reason() });
  }

  /** A read failed for want of an origin. Told once per UNAVAILABLE_EVENT_INTERVAL_MS and file. */
  unavailable(path: BytePath, reason: string): void {
    const nowMs = this.clock.monotonicMs();
    const toldMs = this.#unavailable.get(path);
    if (toldMs !== undefined && nowMs - toldMs < UNAVAILABLE_EVENT_INTERVAL_MS) return;
    this.#unavailable.set(path, nowMs);
    this.events.emit({ type: "file_unavailable", path, reason });
  }

  /** Files remembered; for leak checks. */
  get size(): number {
    return this.#servedBy.size + this.#unavailable.size;
  }
}
