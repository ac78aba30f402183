/** What must hold of health events, told from the events alone (F-4, F-10). */

import type { HealthStatus, MusicFsEvent } from "../../src/core/events.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";

export class HealthWatch {
  /** Of the origins that are enabled. */
  readonly #statuses = new Map<OriginId, HealthStatus>();
  #told = false;

  constructor(readonly violation: (rule: string, detail: string) => void) {}

  /** An origin is enabled from now on; called before the program is told. */
  add(id: OriginId): void {
    this.#statuses.set(id, "unknown");
    this.#look();
  }

  /** As `add`. */
  remove(id: OriginId): void {
    this.#statuses.delete(id);
    this.#look();
  }

  status(id: OriginId): HealthStatus | undefined {
    return this.#statuses.get(id);
  }

  take(event: MusicFsEvent): void {
    if (event.type === "health_changed") {
      const { origin, from, to } = event;
      const before = this.#statuses.get(origin);
      if (before !== from) {
        this.violation("health events", `${origin} went from ${from}, and was ${before}`);
      }
      this.#statuses.set(origin, to);
      this.#look();
    }
    if (event.type !== "all_origins_unhealthy") return;
    if (this.#told) this.violation("all_origins_unhealthy once", "it was told again");
    if (!this.#allUnhealthy) this.violation("all_origins_unhealthy once", "one is not unhealthy");
    this.#told = true;
  }

  /** After everything that follows from a change has happened. */
  check(): void {
    if (this.#allUnhealthy && !this.#told) {
      this.violation("all_origins_unhealthy once", "it was not told");
    }
  }

  get #allUnhealthy(): boolean {
    const all = [...this.#statuses.values()];
    return all.length > 0 && all.every((status) => status === "unhealthy");
  }

  #look(): void {
    if (!this.#allUnhealthy) this.#told = false;
  }
}
