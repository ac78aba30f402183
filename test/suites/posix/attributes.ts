/** stat(2), statfs(2), access(2), extended attributes. */

import { expect, test } from "bun:test";
import { S_IFDIR, S_IFREG } from "../../../src/core/sys/arch.ts";
import { EACCES, ENODATA, ENOENT, EOPNOTSUPP, EROFS } from "../../../src/core/sys/errno.ts";
import type { StatxView } from "../../../src/core/sys/statx.ts";
import type { Path, SystemCalls } from "./system_calls.ts";
import { CONTENT, SPARSE_BYTES, TIMES } from "./tree.ts";

const F_OK = 0;
const X_OK = 1;
const W_OK = 2;
const R_OK = 4;
const ST_RDONLY = 1;

async function statOf(sys: SystemCalls, path: Path): Promise<StatxView> {
  const stat = await sys.lstat(path);
  if (typeof stat === "number") throw new Error(`stat of ${path} answers ${stat}`);
  return stat;
}

export function attributes(given: () => SystemCalls): void {
  test.each([
    ["file", S_IFREG | 0o444, CONTENT.byteLength],
    ["empty", S_IFREG | 0o444, 0],
    ["program", S_IFREG | 0o555, CONTENT.byteLength],
    ["secret", S_IFREG | 0o400, CONTENT.byteLength],
    ["sparse", S_IFREG | 0o444, SPARSE_BYTES],
  ])("stat tells type, mode, size and owner of %s", async (path, mode, sizeBytes) => {
    const { uid, gid, links, ...stat } = pick(await statOf(given(), path));
    expect(stat).toEqual({ mode, sizeBytes });
    expect([uid, gid, links]).toEqual([0, 0, 1]);
  });

  test.each([
    ["a", 0o555],
    ["closed", 0o500],
    ["passage", 0o511],
    [".", 0o555],
  ])("stat tells type and mode of the directory %s", async (path, mode) => {
    expect((await statOf(given(), path)).mode).toBe(S_IFDIR | mode);
  });

  test("modification times are exact, whatever the century", async () => {
    for (const [name, seconds] of TIMES) {
      const { mtimeSec, mtimeNsec } = await statOf(given(), `times/${name}`);
      expect([name, mtimeSec, mtimeNsec]).toEqual([
        name,
        Math.floor(seconds),
        (seconds - Math.floor(seconds)) * 1e9,
      ]);
    }
    const directory = await statOf(given(), "many");
    expect([directory.mtimeSec, directory.mtimeNsec]).toEqual([1_500_000_000, 125_000_000]);
  });

  test("different files have different inode numbers", async () => {
    const sys = given();
    const inodes = new Set<number>();
    const paths = ["file", "empty", "program", "a", "a/b", "a/b/c/d/deep", "names", "."];
    for (const path of paths) inodes.add((await statOf(sys, path)).inode);
    expect(inodes.size).toBe(paths.length);
  });

  test("statfs tells of names up to 255 bytes and that nothing can be written", async () => {
    const { result, bytes } = await given().fill(112, "statvfs", ".", undefined);
    expect(result).toBe(0);
    // struct statvfs, bits/statvfs.h: unsigned long f_flag at 72, f_namemax at 80.
    expect(bytes.readBigUInt64LE(80)).toBe(255n);
    expect(bytes.readUInt32LE(72) & ST_RDONLY).toBe(ST_RDONLY);
  });

  test("access says what may be done", async () => {
    const sys = given();
    expect(await sys.call("access", "file", F_OK)).toBe(0);
    expect(await sys.call("access", "file", R_OK)).toBe(0);
    expect(await sys.call("access", "secret", R_OK)).toBe(0);
    expect(await sys.call("access", "program", R_OK | X_OK)).toBe(0);
    expect(await sys.call("access", "file", X_OK)).toBe(-EACCES);
    expect(await sys.call("access", "a", R_OK | X_OK)).toBe(0);
    expect(await sys.call("access", "file", W_OK)).toBe(-EROFS);
    expect(await sys.call("access", "a", W_OK)).toBe(-EROFS);
    expect(await sys.call("access", "missing", F_OK)).toBe(-ENOENT);
  });

  test("an extended attribute that nobody set is not there", async () => {
    const { result } = await given().fill(
      100,
      ...(["getxattr", "file", "user.nothing", undefined, 100] as const),
    );
    expect([-ENODATA, -EOPNOTSUPP]).toContain(result);
    const names = await given().fill(1000, "listxattr", "file", undefined, 1000);
    expect(names.result).toBeGreaterThanOrEqual(0);
    expect(names.bytes.subarray(0, names.result).toString()).not.toContain("user.nothing");
  });
}

function pick({ mode, sizeBytes, uid, gid, links }: StatxView) {
  return { mode, sizeBytes, uid, gid, links };
}
