/**
 * How much one request asks for when a reader is read ahead for, and how far ahead. Every request costs a server work,
 * and S3's owners money, so a few long ones are better than many short ones; but whoever catches up with one waits for
 * all of it. So it is a FETCHES_AHEADth of the window, and no more than what is answered in good time: the bound halves
 * with each request that takes longer than FETCH_SLOW_MS, and doubles with each of its length that is answered within
 * FETCH_QUICK_MS. Only who answers requests of more than READAHEAD_WARY_BYTES in all that quickly is asked for them.
 */

import {
  FETCH_BYTES,
  FETCH_QUICK_MS,
  FETCH_SLOW_MS,
  FETCHES_AHEAD,
  READAHEAD_FETCH_BYTES,
  READAHEAD_FIRST_FETCH_BYTES,
  READAHEAD_WARY_BYTES,
} from "../limits.ts";

export class FetchSize {
  #maxBytes = READAHEAD_FIRST_FETCH_BYTES;

  /** For a window that long; between FETCH_BYTES and READAHEAD_FETCH_BYTES. */
  within(windowBytes: number): number {
    return Math.min(this.#maxBytes, Math.max(FETCH_BYTES, windowBytes / FETCHES_AHEAD));
  }

  /** The longest window whose requests, side by side, are known to be answered in good time. */
  get windowBytes(): number {
    return Math.max(READAHEAD_WARY_BYTES, FETCHES_AHEAD * this.#maxBytes);
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
