import { describe, expect, test } from "bun:test";
import {
  directoryNode,
  entryOf,
  fileNode,
  isFileNode,
  versionOf,
} from "../../../src/core/vfs/nodeid.ts";

/** Ids of a new catalog, and of one that was recovered (seconds * 2^20). */
const IDS = [2, 3, 1000, 2 ** 31, 1_800_000_000 * 2 ** 20, 2 ** 52 - 1];

describe("nodeids", () => {
  test("the root is FUSE's own", () => {
    expect(directoryNode(1)).toBe(1);
    expect(entryOf(1)).toBe(1);
    expect(isFileNode(1)).toBe(false);
  });

  test("tell directories and files apart, and lead back, for every id a catalog gives", () => {
    const seen = new Set([1]);
    for (const id of IDS) {
      expect(entryOf(directoryNode(id))).toBe(id);
      expect(versionOf(fileNode(id))).toBe(id);
      expect(isFileNode(directoryNode(id))).toBe(false);
      expect(isFileNode(fileNode(id))).toBe(true);
      for (const nodeid of [directoryNode(id), fileNode(id)]) {
        expect(Number.isSafeInteger(nodeid)).toBe(true);
        expect(seen.has(nodeid)).toBe(false);
        seen.add(nodeid);
      }
    }
    expect(isFileNode(fileNode(1))).toBe(true);
  });
});
