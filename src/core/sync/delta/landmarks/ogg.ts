/** The header pages of an Ogg file (RFC 3533): those before the first that tells a time. */

import type { Extent } from "../new_bytes.ts";
import type { OldBytes } from "../old_bytes.ts";

const HEADER_BYTES = 27;
/** A cover in a comment fills some 65 KB a page. */
const MAX_PAGES = 1024;

/** Each header page: its own header holds a checksum of what is in it, and where it begins is fixed. */
export async function oggHeaders(old: OldBytes, begin: number): Promise<readonly Extent[]> {
  const pages: Extent[] = [];
  let at = begin;
  for (let page = 0; page < MAX_PAGES; page++) {
    const header = Buffer.from(await old.read(at, HEADER_BYTES + 255));
    if (header.byteLength < HEADER_BYTES || header.toString("latin1", 0, 4) !== "OggS") break;
    const segments = header.readUInt8(26);
    const granule = header.readBigInt64LE(6);
    // A page on which no packet ends has -1.
    if (granule > 0n) break;
    const lacing = header.subarray(HEADER_BYTES, HEADER_BYTES + segments);
    const end = at + HEADER_BYTES + segments + lacing.reduce((sum, length) => sum + length, 0);
    pages.push({ from: at, end: Math.min(end, old.sizeBytes) });
    at = end;
  }
  return pages;
}
