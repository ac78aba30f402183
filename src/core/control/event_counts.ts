/** How often what happened, since the mount began: what metrics are made of that nobody else keeps. */

import type { EventBus, EventType, MusicFsEvent } from "../events.ts";
import type { OriginId } from "../origins/origin.ts";

export class EventCounts implements Disposable {
  readonly events = new Map<EventType, number>();
  /** By `from` and `to`. */
  readonly failovers = new PairCounts();
  /** By origin and outcome. */
  readonly scans = new PairCounts();
  /** What is told of one that was removed meanwhile counts no more. */
  readonly #origins = new Set<string>();
  readonly #subscription: Disposable;

  constructor(events: EventBus) {
    this.#subscription = events.subscribe((event) => this.#count(event));
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #count(event: MusicFsEvent): void {
    this.events.set(event.type, (this.events.get(event.type) ?? 0) + 1);
    const known = (...ids: readonly string[]) => ids.every((id) => this.#origins.has(id));
    switch (event.type) {
      case "origin_added":
        this.#origins.add(event.origin);
        break;
      case "origin_removed":
        this.#origins.delete(event.origin);
        this.failovers.forget(event.origin);
        this.scans.forget(event.origin);
        break;
      case "failover":
        if (known(event.from, event.to)) this.failovers.add(event.from, event.to);
        break;
      case "scan_finished":
        if (known(event.origin)) this.scans.add(event.origin, event.outcome);
        break;
    }
  }
}

/** Counts of pairs; bounded, as origins and outcomes are. */
class PairCounts {
  readonly #counts = new Map<string, { readonly pair: readonly [string, string]; count: number }>();

  add(one: string, other: string): void {
    const key = `${one} ${other}`;
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { pair: [one, other], count: 1 });
    else known.count++;
  }

  /** Drops what has to do with an origin that is no more. */
  forget(origin: OriginId): void {
    for (const [key, { pair }] of this.#counts) if (pair.includes(origin)) this.#counts.delete(key);
  }

  *[Symbol.iterator](): Generator<readonly [one: string, other: string, count: number]> {
    for (const { pair, count } of this.#counts.values()) yield [...pair, count];
  }
}
