/** Boxes of an MP4 file that a tagger writes or has to adapt (ISO/IEC 14496-12). */

import type { Extent } from "../new_bytes.ts";
import type { OldBytes } from "../old_bytes.ts";

const HEADER_BYTES = 8;
const LONG_HEADER_BYTES = 16;
const MAX_BOXES = 1024;

/** Boxes that are looked into. */
const CONTAINERS: ReadonlySet<string> = new Set(["moov", "trak", "mdia", "minf", "stbl"]);
/** Boxes whose header matters: its length changes with the tags, or the audio begins behind it. */
const HEADERS: ReadonlySet<string> = new Set(["moov", "mdat"]);
/** Tags, room for tags, and tables of places that move with them. */
const METADATA: ReadonlySet<string> = new Set(["udta", "meta", "free", "skip", "stco", "co64"]);

export async function mp4Boxes(old: OldBytes, begin: number): Promise<readonly Extent[]> {
  const found: Extent[] = [];
  const open = [{ from: begin, end: old.sizeBytes }];
  let left = MAX_BOXES;
  for (let inside = open.pop(); inside !== undefined; inside = open.pop()) {
    let at = inside.from;
    while (at < inside.end && left-- > 0) {
      const box = await boxAt(old, at, inside.end);
      if (box === undefined) break;
      const { name, body, end } = box;
      if (CONTAINERS.has(name)) open.push({ from: body, end });
      if (METADATA.has(name)) found.push({ from: at, end });
      if (HEADERS.has(name)) found.push({ from: at, end: body });
      at = end;
    }
  }
  return found;
}

interface Box {
  readonly name: string;
  /** Where its contents begin. */
  readonly body: number;
  readonly end: number;
}

async function boxAt(old: OldBytes, at: number, limit: number): Promise<Box | undefined> {
  const header = Buffer.from(await old.read(at, LONG_HEADER_BYTES));
  if (header.byteLength < HEADER_BYTES) return undefined;
  const name = header.toString("latin1", 4, 8);
  const size = header.readUInt32BE(0);
  if (size === 1 && header.byteLength === LONG_HEADER_BYTES) {
    const end = at + Number(header.readBigUInt64BE(8));
    return end > limit || end < at + LONG_HEADER_BYTES
      ? undefined
      : { name, body: at + LONG_HEADER_BYTES, end };
  }
  const end = size === 0 ? limit : at + size;
  return end > limit || end < at + HEADER_BYTES
    ? undefined
    : { name, body: at + HEADER_BYTES, end };
}
