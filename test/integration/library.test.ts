import { afterAll, beforeAll, expect } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ALBUMS, trackPath } from "../../scripts/library/album.ts";
import { encodersOf } from "../../scripts/library/encoder.ts";
import { makeLibrary } from "../../scripts/library.ts";
import { needing } from "../support/needs.ts";

const formats = ALBUMS.map(({ format }) => format);
const { describe, test } = needing("ffprobe", ...encodersOf(formats));

describe("makeLibrary() with real encoders", () => {
  let root: string;
  let files: readonly string[];
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "musicfs-library-"));
    files = await makeLibrary(join(root, "one"), { seconds: 1 });
  });
  afterAll(() => rmSync(root, { recursive: true }));

  /** What ffprobe finds: `key=value` of format, tags and streams. */
  function probe(path: string): readonly string[] {
    const show = "format=format_name,duration:format_tags:stream=codec_name:stream_tags";
    const command = ["ffprobe", "-v", "error", "-show_entries", show, "-of", "default=nw=1", path];
    const { exitCode, stdout } = Bun.spawnSync(command);
    expect(exitCode).toBe(0);
    return stdout.toString().split("\n");
  }

  test("makes every track and a cover for every album, and nothing else", () => {
    const tracks = ALBUMS.reduce((sum, album) => sum + album.tracks.length, 0);
    expect(files).toHaveLength(tracks + ALBUMS.length);
    const found = [...new Bun.Glob("**/*").scanSync({ cwd: join(root, "one") })];
    expect(found.sort()).toEqual([...files].sort());
  });

  test.each(ALBUMS.filter(({ format }) => format !== "wav"))(
    "writes tags and cover art into $format files",
    (album) => {
      const lines = probe(join(root, "one", trackPath(album, 0))).map((line) => line.toLowerCase());
      expect(lines).toContain(`tag:artist=${album.artist}`.toLowerCase());
      expect(lines).toContain(`tag:title=${album.tracks[0]}`.toLowerCase());
      expect(lines).toContain("tag:track=1");
      expect(lines).toContain("codec_name=png");
    },
  );

  test("makes the same bytes and times again", async () => {
    const again = await makeLibrary(join(root, "two"), { seconds: 1 });
    expect(again).toEqual(files);
    for (const file of files) {
      const [one, two] = [join(root, "one", file), join(root, "two", file)];
      expect(readFileSync(two).equals(readFileSync(one))).toBe(true);
      expect(statSync(two).mtimeMs).toBe(statSync(one).mtimeMs);
    }
  });

  test("keeps files that are there already", async () => {
    const [file = ""] = files.slice(-1);
    utimesSync(join(root, "one", file), 1, 1);
    await makeLibrary(join(root, "one"), { seconds: 9 });
    expect(statSync(join(root, "one", file)).mtimeMs).toBe(1000);
  });
});
