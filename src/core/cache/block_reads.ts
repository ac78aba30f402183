/**
 * Reading data files on the main thread without waiting for the disk there: what the kernel has in
 * memory is copied at once (RWF_NOWAIT), the rest is read by the runtime's own threads. Those of the
 * reader pool also wait for hung disks of local origins, and cached bytes are wanted most when
 * origins hang.
 */

import fs from "node:fs";
import { RWF_NOWAIT } from "../sys/arch.ts";
import { libc, type Syscalls } from "../sys/libc.ts";
import { Memory } from "../sys/memory.ts";

/** How the cache's bytes are read; tests put other disks in its place. */
export interface BlockReads {
  /** A descriptor of the file; rejects with the system call's error. */
  open(file: string): Promise<number>;
  /** Bytes that were in memory; fewer than asked for, or a negative errno, when a disk is needed. */
  readNow(fd: number, offsetBytes: number, into: Memory, lengthBytes: number): number;
  /** Bytes read, fewer only at the end of the file; rejects with the system call's error. */
  read(fd: number, offsetBytes: number, into: Memory, lengthBytes: number): Promise<number>;
  /** What tells whether somebody has written to the file since; throws the system call's error. */
  stamp(fd: number): FileStamp;
  close(fd: number): void;
}

export interface FileStamp {
  readonly sizeBytes: number;
  /** When it was last written to, renamed or unlinked, by the wall clock. */
  readonly changedMs: number;
  /** Another one after each of these; equal stamps are of one file in one state. */
  readonly text: string;
}

/** struct iovec: two words of 8 bytes. */
const IOVEC_BYTES = 16;

export class DiskBlockReads implements BlockReads {
  readonly #iov = new Memory(IOVEC_BYTES);

  constructor(readonly syscalls: Syscalls = libc()) {}

  open(file: string): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const { O_RDONLY, O_NOFOLLOW } = fs.constants;
    fs.open(file, O_RDONLY | O_NOFOLLOW, (error, fd) => {
      if (error === null) resolve(fd);
      else reject(error);
    });
    return promise;
  }

  readNow(fd: number, offsetBytes: number, into: Memory, lengthBytes: number): number {
    this.#iov.view.setBigUint64(0, BigInt(into.address), true);
    this.#iov.view.setBigUint64(8, BigInt(lengthBytes), true);
    return this.syscalls.preadv2(fd, this.#iov.address, 1, offsetBytes, RWF_NOWAIT);
  }

  async read(fd: number, offsetBytes: number, into: Memory, lengthBytes: number): Promise<number> {
    let done = 0;
    while (done < lengthBytes) {
      const read = await this.#readOnce(fd, offsetBytes + done, into, done, lengthBytes - done);
      if (read === 0) break;
      done += read;
    }
    return done;
  }

  stamp(fd: number): FileStamp {
    return stampOf(fd);
  }

  close(fd: number): void {
    fs.closeSync(fd);
  }

  #readOnce(
    fd: number,
    offsetBytes: number,
    into: Memory,
    intoOffset: number,
    lengthBytes: number,
  ): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    fs.read(fd, into.bytes, intoOffset, lengthBytes, offsetBytes, (error, read) => {
      if (error === null) resolve(read);
      else reject(error);
    });
    return promise;
  }
}

export function stampOf(fd: number): FileStamp {
  const { dev, ino, size, nlink, ctimeNs, mtimeNs, ctimeMs } = fs.fstatSync(fd, { bigint: true });
  const text = [dev, ino, size, nlink, ctimeNs, mtimeNs].join(":");
  return { sizeBytes: Number(size), changedMs: Number(ctimeMs), text };
}
