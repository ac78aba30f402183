import { describe, expect, test } from "bun:test";
import type { CatalogReader, TreeNode } from "../../../src/core/catalog/catalog.ts";
import { emptyNode } from "../../../src/core/catalog/tree_node.ts";
import { OwnError } from "../../../src/core/errors.ts";
import { OPEN_AHEAD_FILES } from "../../../src/core/limits.ts";
import { OpenAhead } from "../../../src/core/vfs/open_ahead.ts";

const FILES = OPEN_AHEAD_FILES * 3;
/** Every tenth entry of a directory is a directory itself. */
const isDirectory = (entry: number) => entry % 10 === 0;

/** Directories with the entries 1 to FILES, and how many of them were looked at. */
function directories() {
  let listed = 0;
  const list: CatalogReader["list"] = (parent, after, out, visit) => {
    for (let entry = after + 1; entry <= FILES; entry++) {
      listed++;
      Object.assign(out, { parent, entry, isDirectory: isDirectory(entry) });
      if (!visit(Buffer.from(`${entry}`))) return;
    }
  };
  return { list, listed: () => listed };
}

const file = (parent: number, entry: number): TreeNode => ({ ...emptyNode(), parent, entry });
const numbers = (names: readonly Uint8Array[]) => names.map((name) => Number(name.toString()));

describe("OpenAhead", () => {
  test("guesses nothing from one open, nor from opens here and there", () => {
    const { list, listed } = directories();
    const ahead = new OpenAhead({ list });
    for (const directory of [7, 8, 7, 9]) expect(ahead.waited(file(directory, 1))).toEqual([]);
    expect(listed()).toBe(0);
  });

  test("names the files that follow the second one in a directory, and no directories", () => {
    const ahead = new OpenAhead(directories());
    ahead.waited(file(7, 1));
    const named = numbers(ahead.waited(file(7, 4)));
    expect(named).toHaveLength(OPEN_AHEAD_FILES);
    expect(named.slice(0, 7)).toEqual([5, 6, 7, 8, 9, 11, 12]);
    expect(named.filter(isDirectory)).toEqual([]);
  });

  test("names no file twice, however many of them are opened before they were fetched", () => {
    const ahead = new OpenAhead(directories());
    const named: number[] = [];
    for (let entry = 1; entry <= FILES; entry++) {
      if (!isDirectory(entry)) named.push(...numbers(ahead.waited(file(7, entry))));
    }
    expect(new Set(named).size).toBe(named.length);
    expect(named.length).toBeGreaterThan(FILES * 0.8);
  });

  test("starts anew in the next directory", () => {
    const ahead = new OpenAhead(directories());
    for (const directory of [7, 8]) {
      expect(ahead.waited(file(directory, 1))).toEqual([]);
      expect(numbers(ahead.waited(file(directory, 2)))[0]).toBe(3);
    }
  });

  test("guesses nothing where the catalog cannot be read, and hides no other error", () => {
    const failing = (error: Error) => {
      const list = () => {
        throw error;
      };
      const ahead = new OpenAhead({ list });
      ahead.waited(file(7, 1));
      return () => ahead.waited(file(7, 2));
    };
    expect(failing(new OwnError("catalog", "database is locked"))()).toEqual([]);
    expect(failing(new TypeError("a bug"))).toThrow("a bug");
  });
});
