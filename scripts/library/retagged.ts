/** Files of 20 MB and more by real encoders, and the same after real taggers changed them. */

import { copyFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AudioFormat } from "./album.ts";
import { coverAsVorbisComment, makePhoto } from "./cover.ts";
import { makeWav } from "./pcm.ts";

export interface RetaggedFile {
  readonly name: string;
  readonly format: AudioFormat;
  /** What the tagger did. */
  readonly edit: string;
  readonly before: string;
  readonly after: string;
}

/** Programs that it takes to make them. */
export const RETAGGING_PROGRAMS = [
  ...["flac", "lame", "oggenc", "ffmpeg"],
  ...["metaflac", "id3v2", "vorbiscomment", "AtomicParsley", "kid3-cli"],
] as const;

/** What an encoder makes of a second: a lossless one, and lossy ones at their best. */
const LOSSLESS_SECONDS = 130;
const LOSSY_SECONDS = 540;

interface Retagging {
  readonly name: string;
  readonly format: AudioFormat;
  readonly edit: string;
  readonly encode: (source: Source, output: string) => Promise<void>;
  readonly tag: (source: Source, file: string) => Promise<void>;
}

/** What files are made of. */
interface Source {
  readonly lossless: string;
  readonly lossy: string;
  readonly photo: string;
  /** Comments of an Ogg file, the photograph among them. */
  readonly comments: string;
  readonly lyrics: string;
}

/** No two files of a library have the same bytes: the cache would keep them once. */
function encodeFlac(title: string): Retagging["encode"] {
  return ({ lossless, photo }, output) => {
    const tags = [`--tag=TITLE=${title}`, `--picture=${photo}`];
    return run("flac", "--silent", "-0", ...tags, "-o", output, lossless);
  };
}

const RETAGGINGS: readonly Retagging[] = [
  {
    name: "inside its padding",
    format: "flac",
    edit: "a longer title by metaflac, inside the padding, behind it a cover of 500 KB",
    encode: encodeFlac("First"),
    tag: (_source, file) =>
      run("metaflac", "--remove-tag=TITLE", "--set-tag=TITLE=A rather longer title", file),
  },
  {
    name: "beyond its padding",
    format: "flac",
    edit: "lyrics of 12 KB by metaflac, more than the padding",
    encode: encodeFlac("Second"),
    tag: ({ lyrics }, file) => run("metaflac", `--set-tag=LYRICS=${lyrics}`, file),
  },
  {
    name: "grown",
    format: "mp3",
    edit: "a comment of 12 KB by id3v2: a longer ID3v2, and ID3v1",
    encode: ({ lossy }, output) =>
      run("lame", "--quiet", "-b", "320", "-q", "9", "--add-id3v2", "--tt", "First", lossy, output),
    tag: ({ lyrics }, file) => run("id3v2", "-t", "Another title", "-c", lyrics, file),
  },
  {
    name: "comments",
    format: "ogg",
    edit: "another title by vorbiscomment, beside a cover of 500 KB",
    encode: async ({ lossy, comments }, output) => {
      await run("oggenc", "--quiet", "-q", "10", "--output", output, lossy);
      await run("vorbiscomment", "-w", "-R", "-c", comments, output);
    },
    tag: (_source, file) => run("vorbiscomment", "-a", "-t", "TITLE=Another title", file),
  },
  {
    name: "a chunk",
    format: "wav",
    edit: "a title by kid3: a new chunk at the end",
    encode: async ({ lossless }, output) => copyFileSync(lossless, output),
    tag: (_source, file) => run("kid3-cli", "-c", "set title 'A title'", file),
  },
  {
    name: "atoms",
    format: "m4a",
    edit: "another title by AtomicParsley",
    encode: ({ lossless }, output) =>
      run(
        ...["ffmpeg", "-nostdin", "-loglevel", "error", "-i", lossless],
        ...["-c:a", "alac", "-metadata", "title=First", output],
      ),
    tag: (_source, file) =>
      run("AtomicParsley", file, "--title", "A rather longer title", "--overWrite"),
  },
];

/** Makes the files in `directory`, one for each of the formats' cases; different for each seed. */
export async function makeRetagged(
  directory: string,
  seed: number,
): Promise<readonly RetaggedFile[]> {
  const source = makeSource(directory, seed);
  const files: RetaggedFile[] = [];
  for (const { name, format, edit, encode, tag } of RETAGGINGS) {
    const before = join(directory, `${seed} ${name} (before).${format}`);
    const after = join(directory, `${seed} ${name} (after).${format}`);
    await encode(source, before);
    copyFileSync(before, after);
    await tag(source, after);
    files.push({ name: `${seed} ${name}.${format}`, format, edit, before, after });
  }
  return files;
}

export function sizeOf(file: string): number {
  return statSync(file).size;
}

function makeSource(directory: string, seed: number): Source {
  const write = (name: string, content: string | Uint8Array) => {
    const path = join(directory, `${seed} ${name}`);
    writeFileSync(path, content);
    return path;
  };
  const photo = makePhoto(seed);
  return {
    lossless: write("lossless.wav", makeWav(seed, LOSSLESS_SECONDS, 1)),
    lossy: write("lossy.wav", makeWav(seed, LOSSY_SECONDS, 0.5)),
    photo: write("cover.png", photo),
    comments: write("comments", `TITLE=First\n${coverAsVorbisComment(photo)}\n`),
    lyrics: "la ".repeat(4000),
  };
}

/** Throws with what the program said when it fails. */
async function run(program: string, ...args: readonly string[]): Promise<void> {
  const child = Bun.spawn(["nice", program, ...args], {
    // kid3 speaks to a session bus if there is one, and writes its settings.
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C.UTF-8", HOME: "/nonexistent" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, error, status] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (status !== 0) throw new Error(`${program} failed with ${status}: ${error || out}`);
}
