/** open(2) and its flags. */

import { expect, test } from "bun:test";
import { constants } from "node:fs";
import { S_IFMT, S_IFREG } from "../../../src/core/sys/arch.ts";
import {
  EACCES,
  EAGAIN,
  EBADF,
  EEXIST,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  EROFS,
} from "../../../src/core/sys/errno.ts";
import type { SystemCalls } from "./system_calls.ts";
import { CONTENT } from "./tree.ts";

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY, O_NOFOLLOW } =
  constants;
const O_NONBLOCK = 0o4000;
const O_NOATIME = 0o1000000;
const O_PATH = 0o10000000;
const O_TMPFILE = 0o20000000 | O_DIRECTORY;

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

export function opens(given: () => SystemCalls): void {
  test.each([
    ["O_WRONLY", O_WRONLY],
    ["O_RDWR", O_RDWR],
    ["O_RDONLY | O_TRUNC", O_RDONLY | O_TRUNC],
    ["O_WRONLY | O_TRUNC", O_WRONLY | O_TRUNC],
    ["O_WRONLY | O_APPEND", O_WRONLY | O_APPEND],
    ["O_RDWR | O_CREAT", O_RDWR | O_CREAT],
  ])("open of a file with %s is EROFS", async (_, flags) => {
    expect(await given().open("file", flags)).toBe(-EROFS);
    expect(await given().open("empty", flags)).toBe(-EROFS);
  });

  test("open with O_CREAT makes nothing, and finds what is there", async () => {
    const sys = given();
    expect(await sys.open("new", O_RDONLY | O_CREAT)).toBe(-EROFS);
    expect(await sys.open("new", O_WRONLY | O_CREAT | O_EXCL)).toBe(-EROFS);
    expect(await sys.open("a/b/new", O_RDWR | O_CREAT)).toBe(-EROFS);
    expect(await sys.open("missing/new", O_RDWR | O_CREAT)).toBe(-ENOENT);
    expect(await sys.open("file", O_RDONLY | O_CREAT)).toBeGreaterThan(0);
    expect(await sys.open("file", O_WRONLY | O_CREAT | O_EXCL)).toBe(-EEXIST);
    expect(await sys.open("a", O_TMPFILE | O_RDWR)).toBe(-EROFS);
  });

  test("open of a directory is for reading", async () => {
    const sys = given();
    for (const flags of [O_WRONLY, O_RDWR, O_WRONLY | O_APPEND, O_RDONLY | O_CREAT]) {
      expect(await sys.open("a", flags)).toBe(-EISDIR);
    }
    expect(await sys.open("a", O_RDONLY | O_DIRECTORY)).toBeGreaterThan(0);
    expect(await sys.open("file", O_RDONLY | O_DIRECTORY)).toBe(-ENOTDIR);
    expect(await sys.open("missing", O_RDONLY | O_DIRECTORY)).toBe(-ENOENT);
  });

  test("open for reading goes with the flags that change nothing", async () => {
    const sys = given();
    for (const flag of [O_NOFOLLOW, O_NONBLOCK, O_NOATIME, O_APPEND]) {
      const fd = await sys.open("file", O_RDONLY | flag);
      expect(fd).toBeGreaterThan(0);
      expect(await sys.pread(fd, 16, 5000)).toEqual(CONTENT.subarray(5000, 5016));
      await sys.close(fd);
    }
  });

  test("O_PATH gives a descriptor that can be looked at and not read", async () => {
    const sys = given();
    const fd = await sys.open("file", O_PATH);
    const stat = await sys.fstat(fd);
    expect(typeof stat === "number" ? stat : stat.mode & S_IFMT).toBe(S_IFREG);
    expect(await sys.pread(fd, 16, 0)).toBe(-EBADF);
    await sys.close(fd);
  });

  test("a descriptor opened for reading cannot be written through", async () => {
    const sys = given();
    const fd = await sys.open("file", O_RDONLY);
    expect(await sys.call("write", fd, "x", 1)).toBe(-EBADF);
    expect(await sys.call("ftruncate", fd, 0)).toBe(-EINVAL);
    expect(await sys.call("fallocate", fd, 0, 0, 4096)).toBe(-EBADF);
    expect(await sys.call("fchmod", fd, 0o777)).toBe(-EROFS);
    expect(await sys.call("fchown", fd, 1, 1)).toBe(-EROFS);
    expect(await sys.call("futimens", fd, 0)).toBe(-EROFS);
    expect(await sys.call("fsetxattr", fd, "user.x", "x", 1, 0)).toBe(-EROFS);
    await sys.close(fd);
  });

  test("fsync of what cannot change succeeds", async () => {
    const sys = given();
    for (const path of ["file", "a"]) {
      const fd = await sys.open(path, O_RDONLY);
      expect(await sys.call("fsync", fd)).toBe(0);
      expect(await sys.call("fdatasync", fd)).toBe(0);
      await sys.close(fd);
    }
  });

  test("a lock on a file keeps others from taking it", async () => {
    const sys = given();
    const [one, other] = [await sys.open("file", O_RDONLY), await sys.open("file", O_RDONLY)];
    expect(await sys.call("flock", one, LOCK_SH)).toBe(0);
    expect(await sys.call("flock", other, LOCK_SH)).toBe(0);
    expect(await sys.call("flock", one, LOCK_EX | LOCK_NB)).toBe(-EAGAIN);
    await sys.close(other);
    expect(await sys.call("flock", one, LOCK_EX | LOCK_NB)).toBe(0);
    await sys.close(one);
  });

  test("what is executable can be executed, the rest not", async () => {
    const sys = given();
    // The bytes are no program: the kernel gets as far as to see that.
    const ENOEXEC = 8;
    expect(await sys.call("execl", "program", "program", 0)).toBe(-ENOEXEC);
    expect(await sys.call("execl", "file", "file", 0)).toBe(-EACCES);
    expect(await sys.call("execl", "a", "a", 0)).toBe(-EACCES);
  });
}
