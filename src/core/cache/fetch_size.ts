/**
 * How much one request asks for when a reader is read ahead for. Every request costs a server work, and S3's owners
 * money, so a long one is better than several short ones; but whoever catches up with it waits for all of it. So it
 * doubles while requests are answered quickly, from FETCH_BYTES to READAHEAD_FETCH_BYTES, and halves when they are not.
 */

import { FETCH_BYTES, FETCH_QUICK_MS, FETCH_SLOW_MS, READAHEAD_FETCH_BYTES } from "../limits.ts";

export class FetchSize {
  #bytes = FETCH_BYTES;

  get bytes(): number {
    return this.#bytes;
  }

  /** A request was answered. One that was shorter than they are now says nothing. */
  note(lengthBytes: number, durationMs: number): void {
    if (lengthBytes < this.#bytes) return;
    if (durationMs <= FETCH_QUICK_MS) {
      this.#bytes = Math.min(2 * this.#bytes, READAHEAD_FETCH_BYTES);
    } else if (durationMs > FETCH_SLOW_MS) {
      this.#bytes = Math.max(this.#bytes / 2, FETCH_BYTES);
    }
  }
}
