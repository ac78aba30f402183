/** FastCDC as the paper writes it down, one byte at a time over bytes in memory: what the fast path is held to. */

import {
  MASK_AFTER_AVERAGE,
  MASK_BEFORE_AVERAGE,
} from "../../../../src/core/sync/chunks/fast_cdc.ts";
import { GEAR } from "../../../../src/core/sync/chunks/gear.ts";

const KIB = 1024;
const MIN = 16 * KIB;
const AVERAGE = 64 * KIB;
const MAX = 256 * KIB;

/** Lengths of the chunks of `data`. */
export function plainCuts(data: Uint8Array): number[] {
  const lengths: number[] = [];
  let start = 0;
  while (start < data.byteLength) {
    const length = plainCut(data.subarray(start));
    lengths.push(length);
    start += length;
  }
  return lengths;
}

function plainCut(data: Uint8Array): number {
  if (data.byteLength <= MIN) return data.byteLength;
  let hash = 0;
  for (let at = MIN; at < Math.min(data.byteLength, MAX); at++) {
    hash = ((hash << 1) + (GEAR[data[at] ?? 0] ?? 0)) | 0;
    const mask = at < AVERAGE ? MASK_BEFORE_AVERAGE : MASK_AFTER_AVERAGE;
    if ((hash & mask) === 0) return at + 1;
  }
  return Math.min(data.byteLength, MAX);
}
