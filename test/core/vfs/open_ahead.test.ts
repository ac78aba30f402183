import { describe, expect, test } from "bun:test";
import type { CatalogReader, KnownFile } from "../../../src/core/catalog/catalog.ts";
import { OwnError } from "../../../src/core/errors.ts";
import { OPEN_AHEAD_FILES, OPEN_AHEAD_FRESH_MS } from "../../../src/core/limits.ts";
import { OpenAhead } from "../../../src/core/vfs/open_ahead.ts";

const FILES = OPEN_AHEAD_FILES * 3;

const file = (parent: number, entry: number): KnownFile => ({
  ...{ parent, entry, version: versionOf(parent, entry), sizeBytes: 1, replicas: [] },
});
const versionOf = (parent: number, entry: number) => parent * 1000 + entry;
const entries = (files: readonly KnownFile[]) => files.map(({ entry }) => entry);
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Directories with the files 1 to FILES, and how often and when they are looked at. */
class Directories {
  lists = 0;
  nowMs = 0;
  readonly ahead = new OpenAhead(this, () => this.nowMs);

  filesAfter: CatalogReader["filesAfter"] = (parent, after, limit) => {
    this.lists++;
    return range(after + 1, Math.min(FILES, after + limit)).map((entry) => file(parent, entry));
  };

  /** Opens a file as `OpenFiles` does; answers which are fetched. */
  open(parent: number, entry: number): readonly number[] {
    const guessed = this.ahead.take(versionOf(parent, entry));
    return entries(guessed ? this.ahead.following() : this.ahead.waited(file(parent, entry)));
  }
}

describe("OpenAhead", () => {
  test("guesses nothing from one open, nor from opens here and there", () => {
    const directories = new Directories();
    for (const parent of [7, 8, 7, 9]) expect(directories.open(parent, 1)).toEqual([]);
    expect(directories.lists).toBe(0);
  });

  test("guesses the files that follow the second one in a directory", () => {
    const directories = new Directories();
    expect(directories.open(7, 1)).toEqual([]);
    expect(directories.open(7, 4)).toEqual(range(5, 4 + OPEN_AHEAD_FILES));
  });

  test("guesses the next ones once half were opened, each once, and looks no further at the end", () => {
    const directories = new Directories();
    const guessed: number[] = [];
    for (const entry of range(1, FILES)) {
      guessed.push(...directories.open(7, entry));
      if (entry === 1) continue;
      // Nobody waits for a file that is guessed as it is opened.
      expect(guessed.at(-1)).toBeGreaterThanOrEqual(Math.min(entry + 1, FILES));
    }
    expect(guessed).toEqual(range(3, FILES));
    expect(directories.lists).toBeLessThanOrEqual(2 * Math.ceil(FILES / OPEN_AHEAD_FILES) + 1);
  });

  test("tells once what it knows of a file, and not when that is old", () => {
    const directories = new Directories();
    const { ahead } = directories;
    for (const entry of [1, 2]) directories.open(7, entry);
    expect(ahead.take(versionOf(7, 3))).toEqual(file(7, 3));
    expect(ahead.take(versionOf(7, 3))).toBeUndefined();
    expect(ahead.take(versionOf(7, 1))).toBeUndefined();
    directories.nowMs += OPEN_AHEAD_FRESH_MS;
    expect(ahead.take(versionOf(7, 4))).toEqual(file(7, 4));
    directories.nowMs += 1;
    expect(ahead.take(versionOf(7, 5))).toBeUndefined();
  });

  test("answers no file again that is opened before it was fetched", () => {
    const directories = new Directories();
    const { ahead } = directories;
    for (const entry of [1, 2]) directories.open(7, entry);
    for (const entry of [3, 4]) expect(ahead.waited(file(7, entry))).toEqual([]);
  });

  test("goes on in the next directory from its first file on, after having been right", () => {
    const directories = new Directories();
    for (const entry of [1, 2, 3]) directories.open(7, entry);
    expect(directories.open(8, 1)).toEqual(range(2, 1 + OPEN_AHEAD_FILES));
    // Nothing of it was opened: so it was no such program.
    expect(directories.open(9, 1)).toEqual([]);
    expect(directories.ahead.take(versionOf(8, 2))).toBeUndefined();
  });

  test("guesses nothing where the catalog cannot be read, and hides no other error", () => {
    const failing = (error: Error) => {
      const filesAfter = () => {
        throw error;
      };
      const ahead = new OpenAhead({ filesAfter });
      ahead.waited(file(7, 1));
      return () => ahead.waited(file(7, 2));
    };
    expect(failing(new OwnError("catalog", "database is locked"))()).toEqual([]);
    expect(failing(new TypeError("a bug"))).toThrow("a bug");
  });
});
