import { describe, expect, test } from "bun:test";
import { displayPath } from "../../../src/core/bytes.ts";
import { nextTrack } from "../../../src/core/cache/next_track.ts";
import { ALBUM_ENTRIES } from "../../../src/core/limits.ts";
import { A, directory, file, origin, TestCatalog } from "../catalog/fixture.ts";

/** What follows the file at `path`, in a catalog where `names` are in the same directory. */
async function after(path: string, names: readonly string[]): Promise<string | undefined> {
  await using catalog = new TestCatalog();
  await catalog.store.configureOrigins([origin(A, 1)]);
  const at = path.slice(0, Math.max(0, path.lastIndexOf("/")));
  if (at !== "") await catalog.list(A, "", [directory(at)]);
  const entries = names.map((name, i) =>
    name.endsWith("/") ? directory(name.slice(0, -1)) : file(name, i + 1),
  );
  await catalog.list(A, at, entries);
  const next = nextTrack(catalog.reader, catalog.node(path)?.version ?? 0);
  if (next === undefined) return undefined;
  expect(catalog.node(displayPath(next.path))).toMatchObject({
    version: next.version,
    sizeBytes: next.sizeBytes,
  });
  expect(next.replicas()).toHaveLength(1);
  return displayPath(next.path);
}

describe("nextTrack()", () => {
  test("is the next by name, whatever the order of arrival", async () => {
    const names = ["03.flac", "01.flac", "04.flac", "02.flac"];
    expect(await after("album/01.flac", names)).toBe("album/02.flac");
    expect(await after("01.flac", names)).toBe("02.flac");
  });

  test("has track 2 before track 10", async () => {
    const names = ["1 a.mp3", "10 b.mp3", "2 c.mp3"];
    expect(await after("album/1 a.mp3", names)).toBe("album/2 c.mp3");
    expect(await after("album/2 c.mp3", names)).toBe("album/10 b.mp3");
  });

  test("is a file of the same kind, and no directory", async () => {
    const names = ["1.flac", "2.jpg", "3.flac/", "4", "5.FLAC", "6.flac"];
    expect(await after("album/1.flac", names)).toBe("album/5.FLAC");
  });

  test("is none after the last one, for what is gone, and in a directory that is no album", async () => {
    expect(await after("album/2.mp3", ["1.mp3", "2.mp3", "cover.jpg"])).toBeUndefined();
    expect(await after("album/3.mp3", ["1.mp3"])).toBeUndefined();
    const many = Array.from({ length: ALBUM_ENTRIES }, (_, i) => `${i}.mp3`);
    expect(await after("album/1.mp3", many)).toBe("album/2.mp3");
    expect(await after("album/1.mp3", [...many, "another.jpg"])).toBeUndefined();
  });
});
