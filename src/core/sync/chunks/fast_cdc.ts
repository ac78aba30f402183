/**
 * FastCDC: cuts bytes into chunks where their content says so, so that an insertion moves the cuts
 * around it and no others.
 *
 * Sources: Xia et al., "FastCDC: a Fast and Efficient Content-Defined Chunking Approach for Data
 * Deduplication" (USENIX ATC '16) for the Gear hash, the skipped minimum and normalized chunking;
 * Xia et al., "The Design of Fast Content-Defined Chunking for Data Deduplication Based Storage
 * Systems" (IEEE TPDS '20) for two bytes a step.
 *
 * The hash is `h = (h << 1) + GEAR[byte]` in 32 bits, begun at zero after the minimum. A cut follows
 * the byte at which `h & mask` is zero, at the latest after the maximum. Before the average size the
 * mask has two bits more than its logarithm, from there on two fewer (normalization level 2), which
 * brings most chunks near the average. Mask bits lie high, where a bit of the hash depends on the
 * most bytes; the topmost is left free for the shifted mask of the two-byte step.
 */

import { CHUNK_AVERAGE_BYTES, CHUNK_MAX_BYTES, CHUNK_MIN_BYTES } from "../../limits.ts";
import { GEAR } from "./gear.ts";

/** 18 bits: two more than log2 of the average. */
export const MASK_BEFORE_AVERAGE = 0x7fffe000;
/** 14 bits: two fewer. */
export const MASK_AFTER_AVERAGE = 0x7ffe0000;

const GEAR_SHIFTED = GEAR.map((word) => word << 1);

/** Finds cuts in bytes that come in any portions; keeps no bytes itself. */
export class FastCdc {
  #hash = 0;
  /** Bytes of the chunk that began before the portion at hand. */
  #held = 0;

  /** Bytes since the last cut. */
  get heldBytes(): number {
    return this.#held;
  }

  /**
   * Looks at `data` from index `from` on. Returns the index behind the current chunk's last byte, or
   * -1 when the chunk goes on beyond `data`, all of which is then part of it. After a cut the next
   * call begins the next chunk; the end of the bytes ends the last chunk.
   */
  cut(data: Uint8Array, from: number): number {
    // Positions below are indexes of `data` at which the chunk would have the given length.
    const start = from - this.#held;
    const end = data.byteLength;
    const limit = Math.min(end, start + CHUNK_MAX_BYTES);
    let at = Math.max(from, start + CHUNK_MIN_BYTES);
    if (at < limit) {
      const average = Math.min(limit, start + CHUNK_AVERAGE_BYTES);
      let found = this.#scan(data, at, average, MASK_BEFORE_AVERAGE);
      if (found < 0) {
        at = Math.max(at, average);
        found = this.#scan(data, at, limit, MASK_AFTER_AVERAGE);
      }
      if (found >= 0) return this.#end(found);
    }
    if (limit === start + CHUNK_MAX_BYTES) return this.#end(limit);
    this.#held = end - start;
    return -1;
  }

  #end(index: number): number {
    this.#hash = 0;
    this.#held = 0;
    return index;
  }

  /** The index behind the first byte in [from, to) where the mask is met, or -1. */
  #scan(data: Uint8Array, from: number, to: number, mask: number): number {
    let hash = this.#hash;
    let at = from;
    const shifted = mask << 1;
    for (const pairs = to - 1; at < pairs; at += 2) {
      hash = ((hash << 2) + (GEAR_SHIFTED[data[at] ?? 0] ?? 0)) | 0;
      if ((hash & shifted) === 0) return at + 1;
      hash = (hash + (GEAR[data[at + 1] ?? 0] ?? 0)) | 0;
      if ((hash & mask) === 0) return at + 2;
    }
    if (at < to) {
      hash = ((hash << 1) + (GEAR[data[at] ?? 0] ?? 0)) | 0;
      if ((hash & mask) === 0) return at + 1;
    }
    this.#hash = hash;
    return -1;
  }
}
