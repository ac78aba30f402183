/** Splicing after each kind of edit, by real encoders and taggers; what it fetches is counted here. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makePhoto } from "../../scripts/library/cover.ts";
import { makeWav } from "../../scripts/library/pcm.ts";
import { assemble } from "../../src/core/sync/delta/assembly.ts";
import { splice } from "../../src/core/sync/delta/splice.ts";
import { md5Of, newBytes, noise, oldBytes } from "../core/sync/delta/fixture.ts";
import { needing } from "../support/needs.ts";

const PROGRAMS = ["flac", "metaflac", "lame", "id3v2", "oggenc", "vorbiscomment"] as const;
const { test } = needing(...PROGRAMS, "ffmpeg", "AtomicParsley", "kid3-cli");

const SECONDS = 20;
const PATIENCE_MS = 120_000;
const KIB = 1024;

setDefaultTimeout(PATIENCE_MS);
/** What may be fetched beside the new metadata. */
const OVERHEAD_BYTES = 128 * KIB;

describe("splicing real files", () => {
  let directory: string;
  const at = (name: string) => join(directory, name);

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "musicfs-splice-"));
    writeFileSync(at("a.wav"), makeWav(3, SECONDS, 0.9));
    writeFileSync(at("cover.png"), makePhoto(3));
    const wav = at("a.wav");
    const cover = `--picture=${at("cover.png")}`;
    const ffmpeg = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", wav, "-c:a", "alac"] as const;
    await run("flac", "--silent", "--tag=TITLE=First", cover, "-o", at("a.flac"), wav);
    await run("lame", "--quiet", "-b", "320", "--add-id3v2", "--tt", "First", wav, at("a.mp3"));
    await run("oggenc", "--quiet", "-q", "10", "--title=First", "--output", at("a.ogg"), wav);
    await run(...ffmpeg, at("behind.m4a"));
    await run(...ffmpeg, "-movflags", "faststart", at("before.m4a"));
  }, PATIENCE_MS);

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** What is fetched of a file after `edit`; undefined when it has to be fetched as a whole. */
  async function fetched(name: string, edit: (file: string) => unknown) {
    const before = readFileSync(at(name));
    const file = at(`edited ${name}`);
    copyFileSync(at(name), file);
    await edit(file);
    const after = readFileSync(file);
    const next = newBytes(after);
    const old = oldBytes(before);
    const stretches = await splice(old, next, md5Of(after), async () => undefined);
    if (stretches === undefined) return undefined;
    const slices: Uint8Array[] = [];
    for await (const slice of assemble(old, next, stretches)) slices.push(slice);
    expect(Buffer.concat(slices).equals(after)).toBe(true);
    return next.fetchedBytes;
  }

  const lyrics = "la ".repeat(4000);
  const isLittle = (bytes: number | undefined, metadataBytes = 0) =>
    expect(bytes ?? Number.POSITIVE_INFINITY).toBeLessThan(metadataBytes + OVERHEAD_BYTES);
  const metaflac =
    (...args: readonly string[]) =>
    (file: string) =>
      run("metaflac", ...args, file);

  test("fetches nothing of an untouched copy with another mtime", async () => {
    expect(await fetched("a.flac", () => undefined)).toBe(0);
  });

  test("follows a FLAC edited inside its padding, behind it a cover of 500 KB", async () => {
    isLittle(await fetched("a.flac", metaflac("--set-tag=TITLE=A rather longer title")));
  });

  test("follows a FLAC grown beyond its padding", async () => {
    isLittle(await fetched("a.flac", metaflac(`--set-tag=LYRICS=${lyrics}`)), lyrics.length);
  });

  test("follows an MP3 whose ID3v2 has grown", async () => {
    const edit = (file: string) => run("id3v2", "-2", "-t", "Another", "-c", lyrics, file);
    isLittle(await fetched("a.mp3", edit), lyrics.length);
  });

  test("follows an MP3 whose ID3v1 was changed", async () => {
    isLittle(await fetched("a.mp3", (file) => run("id3v2", "-1", "-t", "Another", file)));
  });

  test("follows an MP3 that got an APE tag, and whose ID3v2 has grown with it", async () => {
    const edit = async (file: string) => {
      await run("id3v2", "-2", "-c", lyrics, file);
      writeFileSync(file, Buffer.concat([readFileSync(file), apeTag(5000)]));
    };
    isLittle(await fetched("a.mp3", edit), lyrics.length + 5000);
  });

  test("follows an M4A whose moov lies behind mdat", async () => {
    const edit = (file: string) => run("AtomicParsley", file, "--title", "Another", "--overWrite");
    isLittle(await fetched("behind.m4a", edit));
  });

  test("follows an M4A whose moov lies before mdat, and whose tables moved", async () => {
    const edit = (file: string) => run("kid3-cli", "-c", `set comment '${lyrics}'`, file);
    isLittle(await fetched("before.m4a", edit), lyrics.length);
  });

  test("follows an Ogg with other comments", async () => {
    const edit = (file: string) => run("vorbiscomment", "-a", "-t", `LYRICS=${lyrics}`, file);
    isLittle(await fetched("a.ogg", edit), lyrics.length);
  });

  test("gives up an Ogg of which every page has another number", async () => {
    const picture = at("cover.png");
    const edit = (file: string) => run("kid3-cli", "-c", `set picture:'${picture}' 'c'`, file);
    expect(await fetched("a.ogg", edit)).toBeUndefined();
  });

  test("follows a WAV with a new chunk", async () => {
    isLittle(await fetched("a.wav", (file) => run("kid3-cli", "-c", "set title 'Title'", file)));
  });
});

/** An APEv2 tag with one item of so many bytes. */
function apeTag(valueBytes: number): Buffer {
  const item = Buffer.concat([Buffer.alloc(8), Buffer.from("Lyrics\0"), noise(1, valueBytes)]);
  item.writeUInt32LE(valueBytes, 0);
  const footer = Buffer.alloc(32);
  footer.write("APETAGEX", "latin1");
  footer.writeUInt32LE(2000, 8);
  footer.writeUInt32LE(item.byteLength + footer.byteLength, 12);
  footer.writeUInt32LE(1, 16);
  return Buffer.concat([item, footer]);
}

/** Throws with what the program said when it fails. */
async function run(program: string, ...args: readonly string[]): Promise<void> {
  const child = Bun.spawn([program, ...args], {
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C.UTF-8", HOME: "/nonexistent" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, error, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${program} failed with ${code}: ${error || out}`);
}
