/**
 * Makes a small library of real audio files with real encoders:
 *
 *   bun scripts/library.ts DIRECTORY [SECONDS]     SECONDS: length of each track, default 2
 *
 * The same files come out each time with the same versions of the encoders.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ALBUMS, type Album, albumDirectory, trackPath } from "./library/album.ts";
import { makeCover } from "./library/cover.ts";
import { encode } from "./library/encoder.ts";
import { makeWav } from "./library/pcm.ts";

export interface LibraryOptions {
  /** Default: all of {@link ALBUMS}. */
  readonly albums?: readonly Album[];
  /** Length of each track; default 2. A second of FLAC or WAV is 60 to 180 KB, of the others about 20 KB. */
  readonly seconds?: number;
  /** Share of white noise, 0 to 1, default 0.05; at 1 FLAC is as large as WAV. */
  readonly noise?: number;
}

/** A number for a text, the same everywhere. */
function seedOf(text: string): number {
  return Bun.hash.crc32(text);
}

/** The first day of the album's year, so that modification times are the same each time. */
function stamp(path: string, album: Album): void {
  const time = Date.UTC(album.year, 0, 1) / 1000;
  utimesSync(path, time, time);
}

async function makeTrack(
  root: string,
  work: string,
  album: Album,
  index: number,
  options: LibraryOptions,
): Promise<void> {
  const path = trackPath(album, index);
  const target = join(root, path);
  if (existsSync(target)) return;
  const seed = seedOf(path);
  const wav = join(work, `${seed}.wav`);
  writeFileSync(wav, makeWav(seed, options.seconds ?? 2, options.noise));
  let made = wav;
  if (album.format !== "wav") {
    made = join(work, `${seed}.${album.format}`);
    await encode(album.format, {
      wav,
      cover: join(root, albumDirectory(album), "cover.png"),
      output: made,
      artist: album.artist,
      album: album.title,
      title: album.tracks[index] ?? "",
      year: album.year,
      track: index + 1,
      serial: seed >>> 1,
    });
    rmSync(wav);
  }
  stamp(made, album);
  renameSync(made, target);
}

async function makeAlbum(
  root: string,
  work: string,
  album: Album,
  options: LibraryOptions,
): Promise<readonly string[]> {
  const directory = albumDirectory(album);
  const cover = join(root, directory, "cover.png");
  mkdirSync(join(root, directory), { recursive: true });
  if (!existsSync(cover)) {
    writeFileSync(cover, makeCover(seedOf(directory)));
    stamp(cover, album);
  }
  for (const index of album.tracks.keys()) await makeTrack(root, work, album, index, options);
  return [join(directory, "cover.png"), ...album.tracks.map((_, index) => trackPath(album, index))];
}

/**
 * Makes the albums below `directory` and returns the paths of their files, relative to it. A file that is there already
 * is kept, so a directory can serve as a cache as long as the options stay the same. Throws when an encoder is missing
 * or fails.
 */
export async function makeLibrary(
  directory: string,
  options: LibraryOptions = {},
): Promise<readonly string[]> {
  mkdirSync(directory, { recursive: true });
  // Beside the library and on the same file system: a file appears in it only when it is whole.
  const work = mkdtempSync(`${directory}-work-`);
  try {
    const files: string[] = [];
    for (const album of options.albums ?? ALBUMS)
      files.push(...(await makeAlbum(directory, work, album, options)));
    return files;
  } finally {
    rmSync(work, { recursive: true });
  }
}

if (import.meta.main) {
  const [directory, seconds = "2"] = process.argv.slice(2);
  if (directory === undefined || !(Number(seconds) > 0)) {
    console.error("usage: bun scripts/library.ts DIRECTORY [SECONDS]");
    process.exit(2);
  }
  for (const file of await makeLibrary(directory, { seconds: Number(seconds) })) console.log(file);
}
