/** Names and paths: what is there is found, what is not is not, and why. */

import { expect, test } from "bun:test";
import { EINVAL, ENAMETOOLONG, ENOENT, ENOTDIR } from "../../../src/core/sys/errno.ts";
import type { SystemCalls } from "./system_calls.ts";
import { below, CONTENT, NAMES } from "./tree.ts";

const O_RDONLY = 0;

export function lookups(given: () => SystemCalls): void {
  test("every name is found as the bytes that it is", async () => {
    const sys = given();
    for (const name of NAMES) {
      const fd = await sys.open(below("names", name), O_RDONLY);
      expect(fd).toBeGreaterThan(0);
      expect(await sys.pread(fd, 300, 0)).toEqual(name);
      await sys.close(fd);
    }
  });

  test("a name that only looks the same is not found", async () => {
    const sys = given();
    for (const name of [
      "caf\u00e9 decomposed",
      "cafe\u0301 composed",
      "CAF\u00c9 COMPOSED",
      "leading and trailing",
      " leading and trailing",
      "Latin\u00e9",
      "x".repeat(254),
      "quote ' \" back/slash",
    ]) {
      expect(await sys.lstat(below("names", name))).toBe(-ENOENT);
    }
  });

  test("a path leads through directories only", async () => {
    const sys = given();
    expect(await sys.open("a/b/c/d/deep", O_RDONLY)).toBeGreaterThan(0);
    expect(await sys.open("a/./b/../b//c/d/deep", O_RDONLY)).toBeGreaterThan(0);
    expect(await sys.open("a/b/missing/d/deep", O_RDONLY)).toBe(-ENOENT);
    expect(await sys.open("missing", O_RDONLY)).toBe(-ENOENT);
    expect(await sys.open("", O_RDONLY)).toBe(-ENOENT);
    expect(await sys.open("file/", O_RDONLY)).toBe(-ENOTDIR);
    expect(await sys.open("file/within", O_RDONLY)).toBe(-ENOTDIR);
    expect(await sys.open("file/..", O_RDONLY)).toBe(-ENOTDIR);
    expect(await sys.call("chdir", "file")).toBe(-ENOTDIR);
    expect(await sys.call("chdir", "missing")).toBe(-ENOENT);
  });

  test("names over 255 bytes and paths over 4095 are too long", async () => {
    const sys = given();
    expect(await sys.lstat("x".repeat(256))).toBe(-ENAMETOOLONG);
    expect(await sys.lstat(`a/${"x".repeat(256)}`)).toBe(-ENAMETOOLONG);
    expect(await sys.lstat(`a/${"x".repeat(2000)}`)).toBe(-ENAMETOOLONG);
    expect(await sys.open(`${"./".repeat(2045)}file`, O_RDONLY)).toBeGreaterThan(0);
    expect(await sys.open(`${"./".repeat(2046)}file`, O_RDONLY)).toBe(-ENAMETOOLONG);
  });

  test("a name that was not there is still not there when asked again", async () => {
    const sys = given();
    for (let i = 0; i < 3; i++) expect(await sys.lstat("a/missing")).toBe(-ENOENT);
    expect(await sys.lstat("a/b")).not.toBeNumber();
  });

  test("files and directories are no links", async () => {
    const sys = given();
    for (const path of ["file", "a"]) {
      expect((await sys.fill(100, "readlink", path, undefined, 100)).result).toBe(-EINVAL);
    }
  });

  test("a name leads to the same file each time", async () => {
    const sys = given();
    const first = await sys.lstat("file");
    const again = await sys.lstat("a/../file");
    const fd = await sys.open("file", O_RDONLY);
    const open = await sys.fstat(fd);
    const inodes = [first, again, open].map((stat) =>
      typeof stat === "number" ? stat : stat.inode,
    );
    expect(new Set(inodes).size).toBe(1);
    expect(await sys.pread(fd, 10, 0)).toEqual(CONTENT.subarray(0, 10));
    await sys.close(fd);
  });
}
