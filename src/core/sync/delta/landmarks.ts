/**
 * Where an old version's file format lets a tagger write. Only hints: they say where to look first
 * for what a new version has in common with it, and a file of no known format has none.
 */

import { flacBlocks } from "./landmarks/flac.ts";
import { id3v2Bytes, trailingTags } from "./landmarks/mp3_tags.ts";
import { mp4Boxes } from "./landmarks/mp4.ts";
import { oggHeaders } from "./landmarks/ogg.ts";
import { riffChunks } from "./landmarks/riff.ts";
import type { Extent } from "./new_bytes.ts";
import type { OldBytes } from "./old_bytes.ts";

/** Enough of a file's beginning to tell its format by. */
const MAGIC_BYTES = 16;

/** Extents of the old version that hold metadata, in order; overlaps are possible. */
export async function landmarks(old: OldBytes): Promise<readonly Extent[]> {
  const begin = id3v2Bytes(await old.read(0, MAGIC_BYTES));
  const found: Extent[] = begin > 0 ? [{ from: 0, end: Math.min(begin, old.sizeBytes) }] : [];
  const magic = await old.read(begin, MAGIC_BYTES);
  const walk = WALKS.find(({ matches }) => matches(Buffer.from(magic).toString("latin1")))?.walk;
  if (walk !== undefined) found.push(...(await walk(old, begin)));
  found.push(...(await trailingTags(old)));
  return found.sort((a, b) => a.from - b.from);
}

interface Walk {
  readonly matches: (magic: string) => boolean;
  readonly walk: (old: OldBytes, begin: number) => Promise<readonly Extent[]>;
}

const WALKS: readonly Walk[] = [
  { matches: (magic) => magic.startsWith("fLaC"), walk: flacBlocks },
  { matches: (magic) => magic.startsWith("OggS"), walk: oggHeaders },
  { matches: (magic) => magic.slice(4, 8) === "ftyp", walk: mp4Boxes },
  { matches: (magic) => /^(?:RIFF|RF64|FORM)/.test(magic), walk: riffChunks },
];
