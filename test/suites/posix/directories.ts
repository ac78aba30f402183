/** Listings: complete, without repetition, and the same from wherever they are taken up again. */

import { expect, test } from "bun:test";
import { S_IFDIR, S_IFMT } from "../../../src/core/sys/arch.ts";
import { EINVAL, ENOTDIR } from "../../../src/core/sys/errno.ts";
import type { DirectoryEntry, SystemCalls } from "./system_calls.ts";
import { below, MANY_FILES, NAMES } from "./tree.ts";

const O_RDONLY = 0;
const DT_DIR = 4;
const DT_REG = 8;
const SEEK_SET = 0;

function namesOf(entries: readonly DirectoryEntry[]): string[] {
  return entries.map(({ name }) => Buffer.from(name).toString("latin1"));
}

export function directories(given: () => SystemCalls): void {
  test("a listing holds every name once, byte for byte", async () => {
    const names = namesOf(await given().list("names"));
    expect(names.sort()).toEqual(NAMES.map((name) => name.toString("latin1")).sort());
  });

  test.each([280, 1024, 32_768, 1_048_576])(
    "a large directory is complete when read in pieces of %i bytes",
    async (bufferBytes) => {
      const names = namesOf(await given().list("many", bufferBytes));
      expect(names).toHaveLength(MANY_FILES);
      expect(new Set(names)).toEqual(
        new Set(Array.from({ length: MANY_FILES }, (_, i) => `entry ${i}`)),
      );
    },
  );

  test("an empty directory has no entries but . and ..", async () => {
    const sys = given();
    const fd = await sys.open("nothing", O_RDONLY);
    const entries = await sys.getdents(fd, 4096);
    expect(namesOf(entries).sort()).toEqual([".", ".."]);
    expect(await sys.getdents(fd, 4096)).toEqual([]);
    await sys.close(fd);
  });

  test("entries tell type and inode number as stat does", async () => {
    const sys = given();
    for (const directory of [".", "a", "names"]) {
      for (const { name, inode, type } of await sys.list(directory)) {
        const stat = await sys.lstat(below(directory, name));
        if (typeof stat === "number") throw new Error(`a listed name answers ${stat}`);
        expect(BigInt(stat.inode)).toBe(inode);
        expect(type).toBe((stat.mode & S_IFMT) === S_IFDIR ? DT_DIR : DT_REG);
      }
    }
  });

  test("a listing goes on from any entry's offset with the same rest", async () => {
    const sys = given();
    const fd = await sys.open("many", O_RDONLY);
    const all: DirectoryEntry[] = [];
    for (;;) {
      const page = await sys.getdents(fd, 4096);
      if (page.length === 0) break;
      all.push(...page);
    }
    for (const index of [0, 1, 2, 77, 1500, all.length - 2, all.length - 1]) {
      const offset = all[index]?.offset ?? 0n;
      expect(await sys.call("lseek64", fd, offset, SEEK_SET)).toBe(Number(offset));
      const rest: DirectoryEntry[] = [];
      for (;;) {
        const page = await sys.getdents(fd, 32_768);
        if (page.length === 0) break;
        rest.push(...page);
      }
      expect(namesOf(rest)).toEqual(namesOf(all.slice(index + 1)));
    }
    await sys.close(fd);
  });

  test("a listing rewound starts again, and two at once do not disturb each other", async () => {
    const sys = given();
    const one = await sys.open("many", O_RDONLY);
    const other = await sys.open("many", O_RDONLY);
    const first = namesOf(await sys.getdents(one, 1024));
    await sys.getdents(one, 1024);
    expect(namesOf(await sys.getdents(other, 1024))).toEqual(first);
    expect(await sys.call("lseek64", one, 0, SEEK_SET)).toBe(0);
    expect(namesOf(await sys.getdents(one, 1024))).toEqual(first);
    await sys.close(one);
    await sys.close(other);
  });

  test("a listing needs a directory and room for an entry", async () => {
    const sys = given();
    const file = await sys.open("file", O_RDONLY);
    expect((await sys.fill(4096, "getdents64", file, undefined, 4096)).result).toBe(-ENOTDIR);
    const directory = await sys.open("names", O_RDONLY);
    expect((await sys.fill(16, "getdents64", directory, undefined, 16)).result).toBe(-EINVAL);
    await sys.close(file);
    await sys.close(directory);
  });
}
