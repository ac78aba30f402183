/** The music of the demonstration, and which of it lies on which origin. */
import { cpSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ALBUMS, type Album, albumDirectory, trackPath } from "../library/album.ts";
import { encodersOf } from "../library/encoder.ts";
import { makeLibrary } from "../library.ts";
import { filesBelow } from "./files.ts";

/** The tracks of the album to be heard are long enough for no origin to be read ahead to their end. */
const PLAYED_SECONDS = 120;
const OTHER_SECONDS = 4;

export const ORIGIN_IDS = ["nas", "cloud", "disk"] as const;
export type OriginId = (typeof ORIGIN_IDS)[number];

export interface DemoLibrary {
  /** Everything, for comparison; the origins get copies. */
  readonly originals: string;
  readonly files: readonly string[];
  readonly bytes: number;
  readonly formats: readonly string[];
  /** A long track that nas and cloud have. */
  readonly played: string;
  /** Programs that are not there; what they encode is WAV here. */
  readonly missingEncoders: readonly string[];
  /** The directory with the files of an origin. */
  of(origin: OriginId): string;
}

/** Makes the library and each origin's part of it below `root`. */
export async function makeDemoLibrary(root: string): Promise<DemoLibrary> {
  const missing = encodersOf(ALBUMS.map(({ format }) => format)).filter(
    (program) => Bun.which(program) === null,
  );
  const albums = ALBUMS.map((album): Album => {
    const [encoder] = encodersOf([album.format]);
    return encoder !== undefined && missing.includes(encoder) ? { ...album, format: "wav" } : album;
  });
  const originals = join(root, "originals");
  const [played, first, ...rest] = albums;
  if (played === undefined || first === undefined) throw new Error("there are too few albums");
  await makeLibrary(originals, { albums: [played], seconds: PLAYED_SECONDS, noise: 0.3 });
  await makeLibrary(originals, { albums: [first, ...rest], seconds: OTHER_SECONDS });
  const parts: Readonly<Record<OriginId, readonly Album[]>> = {
    nas: [played, first, ...rest.slice(0, -2)],
    cloud: [played, first, ...rest.slice(0, -1)],
    disk: [first, ...rest.slice(-1)],
  };
  const of = (origin: OriginId) => join(root, "files", origin);
  for (const origin of ORIGIN_IDS) {
    mkdirSync(of(origin), { recursive: true });
    for (const album of parts[origin]) {
      const directory = albumDirectory(album);
      const to = join(of(origin), directory);
      cpSync(join(originals, directory), to, { recursive: true, preserveTimestamps: true });
    }
  }
  const files = await filesBelow(originals);
  return {
    originals,
    files,
    bytes: files.reduce((sum, file) => sum + statSync(join(originals, file)).size, 0),
    formats: [...new Set(albums.map(({ format }) => format))],
    played: trackPath(played, played.tracks.length - 1),
    missingEncoders: missing,
    of,
  };
}
