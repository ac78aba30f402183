/**
 * The disk under the block cache. It outlives the program, and may be full, broken, or give nothing
 * back that was written to it. Everything else happens on real files, but at once: virtual time does
 * not wait for a disk.
 */

import fs from "node:fs";
import { join } from "node:path";
import { type BlockReads, stampOf } from "../../src/core/cache/block_reads.ts";
import type { CacheDisk } from "../../src/core/cache/data_files.ts";
import { contentDirectory } from "../../src/core/cache/open_index.ts";
import type { BeforeStatement } from "../../src/core/catalog/connection.ts";
import type { Memory } from "../../src/core/sys/memory.ts";
import { replaced } from "../support/replaced.ts";

/** `full`: nothing more can be written; `broken`: nothing can; `unreadable`: nothing is read back. */
export const DISK_MOODS = ["well", "full", "broken", "unreadable"] as const;
export type DiskMood = (typeof DISK_MOODS)[number];

export const HARMS = ["flip", "truncate", "remove"] as const;
export type Harm = (typeof HARMS)[number];

/** As large as a history needs, and the same on every machine. */
const DISK_BYTES = 10 * 1024 ** 3;
const SECTOR_BYTES = 4096;
const EAGAIN = 11;

export class ModelDisk {
  mood: DiskMood = "well";
  /** For the store of the cache. */
  readonly calls: CacheDisk;
  /** For the reader of its data files. */
  readonly reads: BlockReads;

  constructor() {
    const writing =
      <A extends readonly unknown[], R>(call: (...args: A) => R) =>
      (...args: A): R => {
        this.#refuse("full", "ENOSPC");
        this.#refuse("broken", "EIO");
        return call(...args);
      };
    this.calls = replaced<CacheDisk>(fs, {
      writeSync: writing(fs.writeSync as (...args: unknown[]) => number) as typeof fs.writeSync,
      ftruncateSync: writing(fs.ftruncateSync),
      readSync: ((...args: Parameters<typeof fs.readSync>) => {
        this.#refuse("unreadable", "EIO");
        return fs.readSync(...args);
      }) as typeof fs.readSync,
      statfsSync: (() => ({
        bsize: SECTOR_BYTES,
        blocks: DISK_BYTES / SECTOR_BYTES,
        bavail: this.mood === "full" ? 0 : DISK_BYTES / SECTOR_BYTES,
      })) as unknown as typeof fs.statfsSync,
    });
    this.reads = {
      open: async (file) => {
        this.#refuse("unreadable", "EIO");
        return fs.openSync(file, "r");
      },
      // As if nothing were in the kernel's memory while the disk is broken.
      readNow: (fd, offsetBytes, into, lengthBytes) =>
        this.mood === "unreadable" ? -EAGAIN : readAt(fd, offsetBytes, into, lengthBytes),
      read: async (fd, offsetBytes, into, lengthBytes) => {
        this.#refuse("unreadable", "EIO");
        return readAt(fd, offsetBytes, into, lengthBytes);
      },
      stamp: stampOf,
      close: (fd) => fs.closeSync(fd),
    };
  }

  /** Statements that write fail with the disk. */
  readonly before: BeforeStatement = (sql) => {
    if (this.mood === "broken" && !/^(SELECT|PRAGMA)/i.test(sql.trim())) throw ioError("EIO");
  };

  #refuse(mood: DiskMood, code: string): void {
    if (this.mood === mood) throw ioError(code);
  }
}

/** Harms one of the data files below a cache directory; `which` and `at` are taken modulo. */
export function harmDataFile(cacheDir: string, harm: Harm, which: number, at: number): void {
  const files = dataFiles(cacheDir);
  const file = files[which % files.length];
  if (file === undefined) return;
  const { size } = fs.statSync(file);
  if (harm === "remove") fs.rmSync(file);
  else if (harm === "truncate") fs.truncateSync(file, at % (size + 1));
  else if (size > 0) flipBit(file, at % size);
}

export function dataFiles(cacheDir: string): readonly string[] {
  const directory = contentDirectory(cacheDir);
  if (!fs.existsSync(directory)) return [];
  return fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^\d+$/.test(entry.name))
    .sort((a, b) => Number(a.name) - Number(b.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

function flipBit(file: string, offsetBytes: number): void {
  const fd = fs.openSync(file, "r+");
  const byte = new Uint8Array(1);
  fs.readSync(fd, byte, 0, 1, offsetBytes);
  fs.writeSync(fd, Uint8Array.of((byte[0] ?? 0) ^ 0x10), 0, 1, offsetBytes);
  fs.closeSync(fd);
}

function readAt(fd: number, offsetBytes: number, into: Memory, lengthBytes: number): number {
  return fs.readSync(fd, into.bytes, 0, lengthBytes, offsetBytes);
}

function ioError(code: string): Error {
  return Object.assign(new Error(`${code}: made to fail`), { code });
}
