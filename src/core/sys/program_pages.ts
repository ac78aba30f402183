/**
 * The pages of the program's own code, of which starting touches far more than serving does.
 *
 * They are clean pages of a file: given up, those that are needed come back from the kernel's page cache
 * one fault at a time, and the rest no longer counts as this process's memory.
 */

import { readFileSync, readlinkSync } from "node:fs";
import { libc, type Syscalls } from "./libc.ts";

/** asm-generic/mman-common.h */
const MADV_DONTNEED = 4;

/** `start-end perms offset device inode path` of proc_pid_maps(5); never what was written to since. */
const CODE = /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \d+ +(.*)$/gm;

/**
 * Gives up what is in memory of the running program's code; answers how many bytes are mapped of it. A
 * kernel that refuses, or shows no maps, changes nothing.
 */
export function releaseCode(system: Pick<Syscalls, "madvise"> = libc()): number {
  let bytes = 0;
  for (const { address, lengthBytes } of codeInMemory()) {
    if (system.madvise(address, lengthBytes, MADV_DONTNEED) === 0) bytes += lengthBytes;
  }
  return bytes;
}

function codeInMemory(): readonly { readonly address: number; readonly lengthBytes: number }[] {
  let program: string;
  let maps: string;
  try {
    program = readlinkSync("/proc/self/exe");
    maps = readFileSync("/proc/self/maps", "latin1");
  } catch {
    return [];
  }
  return [...maps.matchAll(CODE)]
    .filter(([, , , path]) => path === program)
    .map(([, start = "", end = ""]) => {
      const address = Number.parseInt(start, 16);
      return { address, lengthBytes: Number.parseInt(end, 16) - address };
    });
}
