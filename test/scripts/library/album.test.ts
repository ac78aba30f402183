import { describe, expect, test } from "bun:test";
import { ALBUMS, trackPath } from "../../../scripts/library/album.ts";

describe("ALBUMS", () => {
  const paths = ALBUMS.flatMap((album) => album.tracks.map((_, index) => trackPath(album, index)));

  test("hold every format", () => {
    const formats = new Set(ALBUMS.map(({ format }) => format));
    expect([...formats].sort()).toEqual(["flac", "m4a", "mp3", "ogg", "opus", "wav"]);
  });

  test("have composed and decomposed accents, spaces and other scripts in their names", () => {
    expect(paths.some((path) => path !== path.normalize("NFC"))).toBe(true);
    expect(
      paths.some((path) => path !== path.normalize("NFD") && path === path.normalize("NFC")),
    ).toBe(true);
    expect(paths.some((path) => path.includes(" "))).toBe(true);
    expect(paths.some((path) => /\p{Script=Han}/u.test(path))).toBe(true);
  });

  test("have a path of its own for every track, legal in every name of it", () => {
    expect(new Set(paths).size).toBe(paths.length);
    for (const path of paths) {
      expect(path.split("/")).toHaveLength(3);
      expect(Buffer.byteLength(path)).toBeLessThan(255);
    }
  });
});
