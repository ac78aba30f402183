import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BytePath, ROOT_PATH } from "../../../../src/core/bytes.ts";
import { Disk } from "../../../../src/core/origins/disk/disk.ts";
import { NEW_MARK } from "../../../../src/core/origins/disk/listing_mark.ts";
import * as E from "../../../../src/core/sys/errno.ts";
import { eraseTypes } from "../../../support/erase_types.ts";
import { replacedSyscalls } from "../../../support/failing_syscalls.ts";
import { LocalTree } from "../../../support/local_tree.ts";

const FILE = "file" as BytePath;

let tree: LocalTree;
beforeEach(async () => {
  tree = new LocalTree();
  await tree.put(FILE, Buffer.from("0123456789"));
});
afterEach(() => tree[Symbol.dispose]());

/** Of entries only: the root itself can be looked at. */
function failingStatx(statx: (...args: number[]) => number, ...args: number[]): number {
  return (args[0] ?? -1) >= 0 ? -E.EIO : statx(...args);
}

function markOf(disk: Disk, path: BytePath): string | undefined {
  const { fd } = disk.openDirectory(path);
  let last: string | undefined = NEW_MARK;
  try {
    for (;;) {
      const { done, mark } = disk.readDirectory(fd, path, last);
      if (done) return mark;
      last = mark;
    }
  } finally {
    disk.closeDirectory(fd);
  }
}

describe("Disk.markDirectories", () => {
  test("knows a listing by its mark, without listing", () => {
    mkdirSync(join(tree.root, "d"));
    writeFileSync(join(tree.root, "d/inner"), "inner");
    symlinkSync("d/inner", join(tree.root, "link"));
    symlinkSync("nowhere", join(tree.root, "dangling"));
    const untyped = (getdents64: (...args: number[]) => number, ...args: number[]) => {
      const read = getdents64(...args);
      eraseTypes(args[1] ?? 0, read);
      return read;
    };
    for (const tokens of ["strong", "weak"] as const) {
      using disk = new Disk(tree.root, { tokens });
      using other = new Disk(tree.root, { ...replacedSyscalls({ getdents64: untyped }), tokens });
      const paths = [ROOT_PATH, "d" as BytePath, "none" as BytePath, FILE];
      const [root, inner, ...none] = disk.markDirectories(paths);
      expect([root, inner]).toEqual([markOf(disk, ROOT_PATH), markOf(disk, "d" as BytePath)]);
      expect(other.markDirectories(paths)).toEqual([root, inner, ...none]);
      expect(none).toEqual([undefined, undefined]);
      expect(root).not.toBe(inner);
      writeFileSync(join(tree.root, "d/inner"), `inner ${tokens}`);
      expect(disk.markDirectories(paths)).not.toContain(root);
      expect(disk.markDirectories(paths)).not.toContain(inner);
    }
    using failing = new Disk(tree.root, replacedSyscalls({ statx: failingStatx }));
    expect(failing.markDirectories(["d" as BytePath])).toEqual([undefined]);
  });
});
