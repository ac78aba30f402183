/** Making room: in the background between the watermarks, and at once for a block that needs it. */

import type { Clock } from "../clock.ts";
import { highWaterBytes, lowWaterBytes } from "./capacity.ts";
import type { ContentRow } from "./content_lookup.ts";
import type { Evicted, OpenStore } from "./open_store.ts";

export class Eviction implements Disposable {
  #timer: Disposable | undefined;

  /** `onFailure` gets what a step in the background threw. */
  constructor(
    readonly store: OpenStore,
    readonly clock: Clock,
    readonly onEvicted: (evicted: Evicted) => void,
    readonly onFailure: (error: unknown) => void,
  ) {}

  /** False: no room for so many bytes more, after everything was evicted that may be. */
  makeRoom(bytes: number): boolean {
    const missing = () => this.store.usedBytes + bytes - this.store.capacityBytes();
    let after: ContentRow | undefined;
    let total: Evicted = { files: 0, bytes: 0 };
    for (let excess = missing(); excess > 0; excess = missing()) {
      const { files, bytes: freed, last } = this.store.evict(excess, after);
      total = { files: total.files + files, bytes: total.bytes + freed };
      if (last === undefined) break;
      after = last;
    }
    if (total.files > 0) this.onEvicted(total);
    return missing() <= 0;
  }

  /** Begins to evict in the background if the cache is above the high watermark. */
  check(): void {
    if (this.#timer !== undefined) return;
    const { usedBytes } = this.store;
    if (usedBytes <= highWaterBytes(this.store.capacityBytes())) return;
    this.#timer = this.clock.schedule(0, () => this.#step(undefined, { files: 0, bytes: 0 }));
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #step(after: ContentRow | undefined, sum: Evicted): void {
    this.#timer = undefined;
    try {
      const excess = this.store.usedBytes - lowWaterBytes(this.store.capacityBytes());
      const step = excess > 0 ? this.store.evict(excess, after) : { files: 0, bytes: 0 };
      const total = { files: sum.files + step.files, bytes: sum.bytes + step.bytes };
      if ("last" in step && step.last !== undefined) {
        const { last } = step;
        this.#timer = this.clock.schedule(0, () => this.#step(last, total));
      } else if (total.files > 0) this.onEvicted(total);
    } catch (error) {
      this.onFailure(error);
    }
  }
}
