/**
 * How much each of the sequential readers may read ahead, so that nobody's blocks push out those
 * that another is about to read: half of READER_MEMORY_BYTES, shared equally among the readers of
 * the last READER_IDLE_MS, rounded down to a power of two.
 */

import type { Clock } from "../clock.ts";
import { READAHEAD_MIN_BYTES, READER_IDLE_MS, READER_MEMORY_BYTES } from "../limits.ts";

export class MemoryShare {
  /** When each reader last read, least recent first; monotonic. */
  readonly #readMs = new Map<object, number>();

  constructor(readonly clock: Clock) {}

  /** The share of a reader that reads in sequence now; at least READAHEAD_MIN_BYTES. */
  of(reader: object): number {
    const nowMs = this.clock.monotonicMs();
    this.#readMs.delete(reader);
    this.#readMs.set(reader, nowMs);
    for (const [other, readMs] of this.#readMs) {
      if (nowMs - readMs < READER_IDLE_MS) break;
      this.#readMs.delete(other);
    }
    const shareBytes = READER_MEMORY_BYTES / 2 / this.#readMs.size;
    return Math.max(READAHEAD_MIN_BYTES, 2 ** Math.floor(Math.log2(shareBytes)));
  }

  /** The reader is gone, or reads in sequence no more. */
  leave(reader: object): void {
    this.#readMs.delete(reader);
  }

  /** Readers that memory is shared among; for leak checks. */
  get size(): number {
    return this.#readMs.size;
  }
}
