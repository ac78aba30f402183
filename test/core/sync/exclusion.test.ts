import { describe, expect, test } from "bun:test";
import { type BytePath, baseName, pathFromText } from "../../../src/core/bytes.ts";
import { DEFAULT_EXCLUDE } from "../../../src/core/config/exclude.ts";
import { Exclusion } from "../../../src/core/sync/exclusion.ts";

function excluded(globs: readonly string[], at: BytePath): boolean {
  return new Exclusion(globs).excludes(baseName(at), at);
}

describe("Exclusion", () => {
  test("matches names at any depth and paths from the root", () => {
    expect(excluded(["*.tmp"], pathFromText("a/b/x.tmp"))).toBe(true);
    expect(excluded(["*.tmp"], pathFromText("a/b/x.tmp2"))).toBe(false);
    expect(excluded(["/a/x"], pathFromText("a/x"))).toBe(true);
    expect(excluded(["/x"], pathFromText("a/x"))).toBe(false);
    expect(excluded(["a/**/x"], pathFromText("a/b/c/x"))).toBe(true);
    expect(excluded(["a/"], pathFromText("a"))).toBe(true);
    expect(excluded([], pathFromText("a"))).toBe(false);
  });

  test("takes characters for characters, and bytes for bytes where a name is no text", () => {
    expect(excluded(["?.flac"], pathFromText("é.flac"))).toBe(true);
    expect(excluded(["[äö]*"], pathFromText("österlich"))).toBe(true);
    expect(excluded(["*.tmp"], "\xff.tmp" as BytePath)).toBe(true);
  });

  test("hides unfinished copies by default, and no music", () => {
    const hidden = [".song.flac.Ab3dE9", "x.part", ".nfs00012", "@eaDir", ".DS_Store", "Thumbs.db"];
    for (const name of hidden)
      expect([name, excluded(DEFAULT_EXCLUDE, pathFromText(name))]).toEqual([name, true]);
    const music = [
      "01 - Intro.flac",
      "...And Justice for All",
      ".hidden.flac",
      "_x.mp3",
      "cover.jpg",
      "part.mp3",
    ];
    for (const name of music)
      expect([name, excluded(DEFAULT_EXCLUDE, pathFromText(name))]).toEqual([name, false]);
  });
});
