/**
 * The data files of the cache: one sparse file per content, exactly as long as the content, so that
 * a complete one can be handed to the kernel. The store's side: it makes, writes, checks and removes
 * them. Every failure is thrown as the system call's own error.
 */

import fs from "node:fs";
import { join } from "node:path";
import { BLOCK_BYTES, CACHE_FILES_WRITTEN } from "../limits.ts";
import { blockLength } from "./blocks.ts";

/** The calls that lead to the cache's disk; tests make them fail. */
export type CacheDisk = Pick<
  typeof fs,
  | "openSync"
  | "closeSync"
  | "writeSync"
  | "readSync"
  | "ftruncateSync"
  | "mkdirSync"
  | "readdirSync"
  | "renameSync"
  | "rmSync"
  | "unlinkSync"
  | "statfsSync"
>;

const { O_CREAT, O_NOFOLLOW, O_RDONLY, O_WRONLY } = fs.constants;
const WRITING = O_WRONLY | O_CREAT | O_NOFOLLOW;
const READING = O_RDONLY | O_NOFOLLOW;

/** Directories that the data files are spread over, by the low bits of the id. */
export const DATA_DIRECTORIES = 256;

export function dataDirectory(root: string, generation: string): string {
  return join(root, `data-${generation}`);
}

/** Where a content's bytes lie. */
export function dataFile(directory: string, content: number): string {
  return join(directory, subdirectory(content % DATA_DIRECTORIES), String(content));
}

function subdirectory(number: number): string {
  return number.toString(16).padStart(2, "0");
}

export class DataFiles implements Disposable {
  /** Descriptors by content, the longest unused first. */
  readonly #open = new Map<number, number>();

  constructor(
    readonly directory: string,
    readonly disk: CacheDisk = fs,
  ) {}

  /** Writes bytes of a content of that size; the file is made if needed. */
  write(content: number, sizeBytes: number, offsetBytes: number, bytes: Uint8Array): void {
    const fd = this.#descriptor(content, sizeBytes);
    let done = 0;
    while (done < bytes.byteLength) {
      done += this.disk.writeSync(fd, bytes, done, bytes.byteLength - done, offsetBytes + done);
    }
  }

  /** Reads a block into the beginning of `into`: as much as is there, nothing without a file. */
  read(content: number, sizeBytes: number, block: number, into: Uint8Array): Uint8Array {
    let fd: number;
    try {
      fd = this.disk.openSync(dataFile(this.directory, content), READING);
    } catch (error) {
      if (isCode(error, "ENOENT")) return into.subarray(0, 0);
      throw error;
    }
    try {
      const wanted = blockLength(block, sizeBytes);
      let done = 0;
      while (done < wanted) {
        const read = this.disk.readSync(fd, into, done, wanted - done, block * BLOCK_BYTES + done);
        if (read === 0) break;
        done += read;
      }
      return into.subarray(0, done);
    } finally {
      this.disk.closeSync(fd);
    }
  }

  /** Removes a content's file, whether it is there or not. */
  remove(content: number): void {
    this.#close(content);
    this.disk.rmSync(dataFile(this.directory, content), { force: true });
  }

  /** Ids of the data files in one of the DATA_DIRECTORIES. */
  list(number: number): readonly number[] {
    let names: readonly string[];
    try {
      names = this.disk.readdirSync(join(this.directory, subdirectory(number)));
    } catch (error) {
      if (isCode(error, "ENOENT")) return [];
      throw error;
    }
    return names.map(Number).filter((id) => Number.isSafeInteger(id) && id > 0);
  }

  /** Bytes that this user can still write on the cache's disk, and its whole size. */
  space(): { readonly freeBytes: number; readonly sizeBytes: number } {
    const { bavail, blocks, bsize } = this.disk.statfsSync(this.directory);
    return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
  }

  /** Throws what writing throws, when nothing can be written. Leaves nothing behind. */
  tryWriting(lengthBytes: number): void {
    const file = join(this.directory, "trial");
    const fd = this.disk.openSync(file, "w", 0o600);
    try {
      const zeros = new Uint8Array(BLOCK_BYTES);
      for (let at = 0; at < lengthBytes; at += zeros.byteLength) {
        if (this.disk.writeSync(fd, zeros, 0, zeros.byteLength, at) < zeros.byteLength) {
          throw new Error("the disk is full");
        }
      }
    } finally {
      this.disk.closeSync(fd);
      this.disk.rmSync(file, { force: true });
    }
  }

  /** Closes what is open; the files stay. */
  [Symbol.dispose](): void {
    for (const content of [...this.#open.keys()]) this.#close(content);
  }

  #descriptor(content: number, sizeBytes: number): number {
    const known = this.#open.get(content);
    if (known !== undefined) {
      this.#open.delete(content);
      this.#open.set(content, known);
      return known;
    }
    const fd = this.#make(content, sizeBytes);
    const [oldest] = this.#open.keys();
    if (oldest !== undefined && this.#open.size >= CACHE_FILES_WRITTEN) this.#close(oldest);
    this.#open.set(content, fd);
    return fd;
  }

  #make(content: number, sizeBytes: number): number {
    const file = dataFile(this.directory, content);
    let fd: number;
    try {
      fd = this.disk.openSync(file, WRITING, 0o600);
    } catch (error) {
      if (!isCode(error, "ENOENT")) throw error;
      this.disk.mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
      fd = this.disk.openSync(file, WRITING, 0o600);
    }
    try {
      this.disk.ftruncateSync(fd, sizeBytes);
      return fd;
    } catch (error) {
      this.disk.closeSync(fd);
      throw error;
    }
  }

  #close(content: number): void {
    const fd = this.#open.get(content);
    this.#open.delete(content);
    if (fd !== undefined) this.disk.closeSync(fd);
  }
}

/** True for the error of a system call with this code, such as "ENOENT". */
export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
