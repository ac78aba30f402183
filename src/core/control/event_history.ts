/**
 * The latest events of a mount, numbered, for whoever comes later or reads slowly. Bounded: what
 * files came and went is kept apart from the rest, so that a first scan of a large library pushes no
 * failover out. A reader that falls behind misses events, is told so, and costs no memory.
 */

import type { Clock } from "../clock.ts";
import type { EventBus, EventType, MusicFsEvent } from "../events.ts";
import { EVENT_HISTORY } from "../limits.ts";

export interface RecordedEvent {
  /** From 1, without gaps. */
  readonly serial: number;
  /** Wall clock, milliseconds since the epoch. */
  readonly timeMs: number;
  readonly event: MusicFsEvent;
}

/** What a reader gets: an event, or that some are gone which it should have had. */
export type HistoryItem = RecordedEvent | "missed";

const FILE_EVENTS: ReadonlySet<EventType> = new Set([
  "file_added",
  "file_modified",
  "file_removed",
  "name_skipped",
  "cache_block_dropped",
]);

export class EventHistory implements Disposable {
  readonly #files: Ring;
  readonly #others: Ring;
  readonly #subscription: Disposable;
  readonly #waiting = new Set<() => void>();
  #latest = 0;

  constructor(
    events: EventBus,
    readonly clock: Clock,
    capacity = EVENT_HISTORY,
  ) {
    this.#files = new Ring(capacity);
    this.#others = new Ring(capacity);
    this.#subscription = events.subscribe((event) => this.#record(event));
  }

  /** The number of the latest event; 0 before the first. */
  get latest(): number {
    return this.#latest;
  }

  /** Reads what came after event `serial` and is still kept; undefined: all that is kept. */
  read(serial?: number): HistoryReader {
    return new HistoryReader([this.#others, this.#files], serial);
  }

  /** Resolves to true at the next event, to false after `limitMs` or when the signal aborts. */
  async changed(limitMs: number, signal?: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const wake = () => resolve(true);
    const stop = () => resolve(false);
    using _limit = this.clock.schedule(limitMs, stop);
    this.#waiting.add(wake);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    try {
      return await promise;
    } finally {
      this.#waiting.delete(wake);
      signal?.removeEventListener("abort", stop);
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #record(event: MusicFsEvent): void {
    this.#latest++;
    const ring = FILE_EVENTS.has(event.type) ? this.#files : this.#others;
    ring.push({ serial: this.#latest, timeMs: this.clock.wallMs(), event });
    for (const wake of this.#waiting) wake();
  }
}

export class HistoryReader {
  /** For each ring the place of what is read next. */
  readonly #next: number[];
  #missed: boolean;

  constructor(
    readonly rings: readonly Ring[],
    serial: number | undefined,
  ) {
    const after = serial ?? 0;
    this.#next = rings.map((ring) => ring.placeAfter(after));
    this.#missed = serial !== undefined && rings.some((ring) => ring.lastDropped > after);
  }

  /** The next item; undefined when there is none by now. */
  next(): HistoryItem | undefined {
    this.rings.forEach((ring, index) => {
      if ((this.#next[index] ?? 0) >= ring.oldest) return;
      this.#missed = true;
      this.#next[index] = ring.oldest;
    });
    if (this.#missed) {
      this.#missed = false;
      return "missed";
    }
    const heads = this.rings.map((ring, index) => ring.at(this.#next[index] ?? 0));
    const first = heads.reduce((a, b) => (b === undefined || (a && a.serial < b.serial) ? a : b));
    if (first === undefined) return undefined;
    const from = heads.indexOf(first);
    this.#next[from] = (this.#next[from] ?? 0) + 1;
    return first;
  }
}

/** The latest `capacity` of one kind; places count from 0 and never begin anew. */
class Ring {
  readonly #kept: RecordedEvent[] = [];
  #count = 0;
  /** The number of the latest event that is not kept any more; 0 for none. */
  lastDropped = 0;

  constructor(readonly capacity: number) {}

  get oldest(): number {
    return Math.max(0, this.#count - this.capacity);
  }

  push(recorded: RecordedEvent): void {
    const index = this.#count % this.capacity;
    this.lastDropped = this.#kept[index]?.serial ?? 0;
    this.#kept[index] = recorded;
    this.#count++;
  }

  at(place: number): RecordedEvent | undefined {
    return place >= this.oldest && place < this.#count
      ? this.#kept[place % this.capacity]
      : undefined;
  }

  /** The place of the first kept event after that number. */
  placeAfter(serial: number): number {
    let [low, high] = [this.oldest, this.#count];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.at(middle)?.serial ?? 0) > serial) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
