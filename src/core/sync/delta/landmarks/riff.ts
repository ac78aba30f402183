/** Chunks of WAV and AIFF files: RIFF (little-endian) and FORM (big-endian). */

import type { Extent } from "../new_bytes.ts";
import type { OldBytes } from "../old_bytes.ts";

const FILE_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;
const MAX_CHUNKS = 128;

/** Each chunk that is not audio, with its header; and the file's header, which has its length. */
export async function riffChunks(old: OldBytes, begin: number): Promise<readonly Extent[]> {
  const head = Buffer.from(await old.read(begin, FILE_HEADER_BYTES));
  const isBigEndian = head.toString("latin1", 0, 4) === "FORM";
  let at = begin + FILE_HEADER_BYTES;
  const found: Extent[] = [{ from: begin, end: at }];
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk++) {
    const header = Buffer.from(await old.read(at, CHUNK_HEADER_BYTES));
    if (header.byteLength < CHUNK_HEADER_BYTES) break;
    const size = isBigEndian ? header.readUInt32BE(4) : header.readUInt32LE(4);
    const end = Math.min(old.sizeBytes, at + CHUNK_HEADER_BYTES + size + (size % 2));
    const name = header.toString("latin1", 0, 4);
    const isAudio = name === "data" || name === "SSND";
    found.push({ from: at, end: isAudio ? at + CHUNK_HEADER_BYTES : end });
    at = end;
  }
  return found;
}
