/** Arithmetic of blocks. */

import { BLOCK_BYTES } from "../limits.ts";

/** Blocks of a file of this size; the last may be short. */
export function blockCount(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOCK_BYTES);
}

export function blockAt(offsetBytes: number): number {
  return Math.floor(offsetBytes / BLOCK_BYTES);
}

/** Length of a block of a file of this size; 0 for a block past its end. */
export function blockLength(block: number, sizeBytes: number): number {
  return Math.max(0, Math.min(BLOCK_BYTES, sizeBytes - block * BLOCK_BYTES));
}

/** Throws RangeError unless the bytes are whole blocks of a file of `sizeBytes`. */
export function requireWholeBlocks(
  offsetBytes: number,
  lengthBytes: number,
  sizeBytes: number,
): void {
  const end = offsetBytes + lengthBytes;
  const begins = offsetBytes >= 0 && offsetBytes % BLOCK_BYTES === 0;
  const ends = end === sizeBytes || (end < sizeBytes && end % BLOCK_BYTES === 0);
  if (begins && ends) return;
  throw new RangeError(
    `bytes ${offsetBytes} to ${end} of ${sizeBytes} are not whole blocks of ${BLOCK_BYTES}`,
  );
}
