/**
 * The latest reads that threads answered without the main thread, for whoever watches: a ring in
 * memory that all threads share. Nothing is written while nobody watches. Two writers that meet in one
 * place, or a reader that meets a writer, see a wrong line for a moment, which hurts nobody.
 */

import { SERVED_READS } from "../limits.ts";

/** Int32: whether somebody watches, and how many reads were entered so far. */
const WATCHED = 0;
const COUNT = 1;
const INT_BYTES = 8;

/** Float64 columns of an entry. */
const VERSION = 0;
const ORIGIN = 1;
const BYTES = 2;
const COLUMNS = 3;

export interface ServedRead {
  readonly version: number;
  /** Row of the origin in the routing table. */
  readonly origin: number;
  readonly bytes: number;
}

export class ServedReads {
  readonly shared: SharedArrayBuffer;
  readonly #ints: Int32Array;
  readonly #entries: Float64Array;
  #taken = 0;

  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(INT_BYTES + SERVED_READS * COLUMNS * 8);
    this.#ints = new Int32Array(this.shared, 0, 2);
    this.#entries = new Float64Array(this.shared, INT_BYTES, SERVED_READS * COLUMNS);
  }

  watch(isWatched: boolean): void {
    this.#taken = Atomics.load(this.#ints, COUNT);
    Atomics.store(this.#ints, WATCHED, isWatched ? 1 : 0);
  }

  add(version: number, origin: number, bytes: number): void {
    if (this.#ints[WATCHED] !== 1) return;
    const place = (Atomics.add(this.#ints, COUNT, 1) >>> 0) % SERVED_READS;
    this.#entries[place * COLUMNS + VERSION] = version;
    this.#entries[place * COLUMNS + ORIGIN] = origin;
    this.#entries[place * COLUMNS + BYTES] = bytes;
  }

  /** What was entered since the last call or `watch`, oldest first; of more than SERVED_READS the latest. */
  take(): readonly ServedRead[] {
    const count = Atomics.load(this.#ints, COUNT);
    const fresh = Math.min((count - this.#taken) >>> 0, SERVED_READS);
    this.#taken = count;
    return Array.from({ length: fresh }, (_, index) => {
      const at = ((count - fresh + index) >>> 0) % SERVED_READS;
      const column = (which: number) => this.#entries[at * COLUMNS + which] ?? 0;
      return { version: column(VERSION), origin: column(ORIGIN), bytes: column(BYTES) };
    });
  }
}
