/** The latest reads that were served on the main thread, for the live view. */

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
  readonly latencyMs: number;
  readonly marks: readonly ReadMark[];
}

export class ReadLog {
  readonly #reads: LoggedRead[] = [];
  #count = 0;
  #readers = 0;

  constructor(readonly capacity = LIVE_READS) {}

  /** True while somebody reads the log: nobody else's reads are worth the memory. */
  get isRead(): boolean {
    return this.#readers > 0;
  }

  add(read: LoggedRead): void {
    this.#reads[this.#count % this.capacity] = read;
    this.#count++;
  }

  /** Yields what comes from now on; of more than `capacity` between two calls, the latest. */
  follow(): ReadFollower {
    this.#readers++;
    let next = this.#count;
    let open = true;
    return {
      take: () => {
        const from = Math.max(next, this.#count - this.capacity);
        next = this.#count;
        const places = Array.from({ length: next - from }, (_, index) => from + index);
        return places.flatMap((place) => this.#reads[place % this.capacity] ?? []);
      },
      [Symbol.dispose]: () => {
        if (open) this.#readers--;
        open = false;
      },
    };
  }
}

export interface ReadFollower extends Disposable {
  /** What came since the last call, oldest first. */
  take(): readonly LoggedRead[];
}
