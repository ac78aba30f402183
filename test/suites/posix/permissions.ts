/** Modes and owners hold for whoever asks. */

import { expect, test } from "bun:test";
import { EACCES, EPERM } from "../../../src/core/sys/errno.ts";
import type { Callers } from "./system_calls.ts";
import { CONTENT } from "./tree.ts";

const O_RDONLY = 0;
const O_NOATIME = 0o1000000;
const R_OK = 4;

export function permissions(given: () => Callers): void {
  test("others read what their mode lets them, and nothing else", async () => {
    const { nobody } = given();
    const fd = await nobody.open("file", O_RDONLY);
    expect(await nobody.pread(fd, 50, 10)).toEqual(CONTENT.subarray(10, 60));
    await nobody.close(fd);
    for (const path of ["secret", "group's"]) {
      expect(await nobody.open(path, O_RDONLY)).toBe(-EACCES);
      expect(await nobody.call("access", path, R_OK)).toBe(-EACCES);
      // That it is there is no secret.
      expect(await nobody.lstat(path)).not.toBeNumber();
    }
  });

  test("what root has read others still may not", async () => {
    const { root, nobody } = given();
    const fd = await root.open("secret", O_RDONLY);
    expect(await root.pread(fd, 50, 0)).toEqual(CONTENT.subarray(0, 50));
    expect(await nobody.open("secret", O_RDONLY)).toBe(-EACCES);
    await root.close(fd);
  });

  test("a directory that others may not search shows them nothing", async () => {
    const { root, nobody } = given();
    expect(await root.lstat("closed/within")).not.toBeNumber();
    expect(await nobody.lstat("closed/within")).toBe(-EACCES);
    expect(await nobody.lstat("closed/missing")).toBe(-EACCES);
    expect(await nobody.open("closed", O_RDONLY)).toBe(-EACCES);
    expect(await nobody.call("chdir", "closed")).toBe(-EACCES);
  });

  test("a directory that others may only search is a passage", async () => {
    const { nobody } = given();
    expect(await nobody.open("passage", O_RDONLY)).toBe(-EACCES);
    const fd = await nobody.open("passage/within", O_RDONLY);
    expect(await nobody.pread(fd, 50, 0)).toEqual(CONTENT.subarray(0, 50));
    await nobody.close(fd);
  });

  test("O_NOATIME is the owner's", async () => {
    const { nobody } = given();
    expect(await nobody.open("file", O_RDONLY | O_NOATIME)).toBe(-EPERM);
  });
}
