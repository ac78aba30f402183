/**
 * How much one request asks for when a reader is read ahead for. Every request costs a server work, and S3's owners
 * money, so a few long ones are better than many short ones; but whoever catches up with one waits for all of it. So
 * it is an eighth of the window, and no more than what is answered in good time: the bound halves with each request
 * that takes longer than FETCH_SLOW_MS, and doubles with each of its length that is answered within FETCH_QUICK_MS.
 */

import {
  FETCH_BYTES,
  FETCH_QUICK_MS,
  FETCH_SLOW_MS,
  FETCHES_AHEAD,
  READAHEAD_FETCH_BYTES,
} from "../limits.ts";

export class FetchSize {
  #maxBytes = READAHEAD_FETCH_BYTES;

  /** For a window that long; between FETCH_BYTES and READAHEAD_FETCH_BYTES. */
  within(windowBytes: number): number {
    return Math.min(this.#maxBytes, Math.max(FETCH_BYTES, windowBytes / FETCHES_AHEAD));
  }

  /** A request was answered. One that is short and quick says nothing. */
  note(lengthBytes: number, durationMs: number): void {
    if (durationMs > FETCH_SLOW_MS) {
      this.#maxBytes = Math.max(this.#maxBytes / 2, FETCH_BYTES);
    } else if (durationMs <= FETCH_QUICK_MS && lengthBytes >= this.#maxBytes) {
      this.#maxBytes = Math.min(2 * this.#maxBytes, READAHEAD_FETCH_BYTES);
    }
  }
}
