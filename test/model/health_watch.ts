/** What must hold of health events, told from the events alone (F-4, F-10). */

import type { HealthStatus, MusicFsEvent } from "../../src/core/events.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import type { Violate } from "./promises.ts";
import type { Watch } from "./watch.ts";

export class HealthWatch implements Watch {
  /** Of the origins that are enabled. */
  readonly #statuses = new Map<OriginId, HealthStatus>();
  /** Of these, those that the program may not know of yet. */
  readonly #coming = new Set<OriginId>();
  #told = false;

  constructor(readonly violation: Violate) {}

  /** An origin is enabled when the program starts; called before that. */
  add(id: OriginId): void {
    this.#statuses.set(id, "unknown");
    this.#note();
  }

  /** An origin is enabled from now on; called before a running program is told, and `settled` after. */
  announce(id: OriginId): void {
    this.#statuses.set(id, "unknown");
    this.#coming.add(id);
  }

  /** The program knows of every origin that was announced. */
  settled(): void {
    this.#coming.clear();
    this.#note();
  }

  /** Called before the program is told. */
  remove(id: OriginId): void {
    this.#statuses.delete(id);
    this.#coming.delete(id);
    this.#note();
  }

  status(id: OriginId): HealthStatus | undefined {
    return this.#statuses.get(id);
  }

  event(event: MusicFsEvent): void {
    if (event.type === "health_changed") {
      const { origin, from, to } = event;
      const before = this.#statuses.get(origin);
      if (before !== from) {
        this.violation("health events", `${origin} went from ${from}, and was ${before}`);
      }
      // That there is another one counts before what becomes of it.
      if (this.#coming.delete(origin)) this.#note();
      this.#statuses.set(origin, to);
      this.#note();
    }
    if (event.type !== "all_origins_unhealthy") return;
    if (this.#told) this.violation("all_origins_unhealthy once", "it was told again");
    if (!this.#allUnhealthy) this.violation("all_origins_unhealthy once", "one is not unhealthy");
    this.#told = true;
  }

  look(): void {
    if (this.#allUnhealthy && !this.#told) {
      this.violation("all_origins_unhealthy once", "it was not told");
    }
  }

  /** Of those that the program surely knows. */
  get #allUnhealthy(): boolean {
    const known = [...this.#statuses].filter(([id]) => !this.#coming.has(id));
    return known.length > 0 && known.every(([, status]) => status === "unhealthy");
  }

  #note(): void {
    if (!this.#allUnhealthy) this.#told = false;
  }
}
