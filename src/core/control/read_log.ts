/** The latest reads, for the live view. */

import type { BytePath } from "../bytes.ts";
import { LIVE_READS } from "../limits.ts";
import type { OriginId } from "../origins/origin.ts";
import type { ReadMark } from "./live.ts";

export interface LoggedRead {
  /** Wall clock of its end, milliseconds since the epoch. */
  readonly timeMs: number;
  readonly path: BytePath;
  /** Undefined for a read that no origin served. */
  readonly origin: OriginId | undefined;
  readonly bytes: number;
  /** Undefined where it is not measured: several reads of a file that threads answered, together. */
  readonly latencyMs: number | undefined;
  readonly marks: readonly ReadMark[];
}

/** Reads that are taken down elsewhere, while somebody watches. */
export interface ReadSource {
  watch(isWatched: boolean): void;
  /** What came since the last call. */
  take(): readonly LoggedRead[];
}

export class ReadLog {
  readonly #reads: LoggedRead[] = [];
  #count = 0;
  #readers = 0;
  #source: ReadSource | undefined;

  constructor(readonly capacity = LIVE_READS) {}

  /** True while somebody reads the log: nobody else's reads are worth the memory. */
  get isRead(): boolean {
    return this.#readers > 0;
  }

  /** Has what comes from there, too. */
  connect(source: ReadSource): void {
    this.#source = source;
    source.watch(this.isRead);
  }

  add(read: LoggedRead): void {
    this.#reads[this.#count % this.capacity] = read;
    this.#count++;
  }

  /** Yields what comes from now on; of more than `capacity` between two calls, the latest. */
  follow(): ReadFollower {
    if (this.#readers++ === 0) this.#source?.watch(true);
    let next = this.#count;
    let open = true;
    return {
      take: () => {
        for (const read of this.#source?.take() ?? []) this.add(read);
        const from = Math.max(next, this.#count - this.capacity);
        next = this.#count;
        const places = Array.from({ length: next - from }, (_, index) => from + index);
        return places.flatMap((place) => this.#reads[place % this.capacity] ?? []);
      },
      [Symbol.dispose]: () => {
        if (open && --this.#readers === 0) this.#source?.watch(false);
        open = false;
      },
    };
  }
}

export interface ReadFollower extends Disposable {
  /** What came since the last call, oldest first. */
  take(): readonly LoggedRead[];
}
