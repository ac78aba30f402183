/** The metadata blocks of a FLAC file (RFC 9639, section 8). */

import type { Extent } from "../new_bytes.ts";
import type { OldBytes } from "../old_bytes.ts";

const MARKER_BYTES = 4;
const HEADER_BYTES = 4;
const LAST = 0x80;
/** A file has a handful. */
const MAX_BLOCKS = 128;

/** Each block with its header; the audio begins behind the last. */
export async function flacBlocks(old: OldBytes, begin: number): Promise<readonly Extent[]> {
  const blocks: Extent[] = [];
  let at = begin + MARKER_BYTES;
  while (blocks.length < MAX_BLOCKS) {
    const header = Buffer.from(await old.read(at, HEADER_BYTES));
    if (header.byteLength < HEADER_BYTES) break;
    const end = at + HEADER_BYTES + header.readUIntBE(1, 3);
    if (end > old.sizeBytes) break;
    blocks.push({ from: at, end });
    if ((header.readUInt8(0) & LAST) !== 0) break;
    at = end;
  }
  return blocks;
}
