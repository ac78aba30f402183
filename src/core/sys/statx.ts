/**
 * `struct statx` (linux/stat.h): one layout on every architecture.
 *
 *     0x00 u32 mask, blksize; u64 attributes; 0x10 u32 nlink, uid, gid; u16 mode
 *     0x20 u64 ino, size, blocks, attributes_mask
 *     0x40 atime, btime, ctime, mtime: each i64 sec, u32 nsec, pad
 *     0x80 u32 rdev_major, rdev_minor, dev_major, dev_minor
 */

import type { Memory } from "./memory.ts";

export const STATX_BYTES = 256;
/** TYPE, MODE, NLINK, UID, GID, ATIME, MTIME, CTIME, INO, SIZE, BLOCKS. */
export const STATX_BASIC_STATS = 0x7ff;

const U32 = 0x1_0000_0000;

function u64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * U32 + view.getUint32(at, true);
}

function i64(view: DataView, at: number): number {
  return view.getInt32(at + 4, true) * U32 + view.getUint32(at, true);
}

/** Reads fields of the `struct statx` that a call left at `offset` of `memory`. */
export class StatxView {
  readonly #view: DataView;

  constructor(
    readonly memory: Memory,
    readonly offset = 0,
  ) {
    this.#view = new DataView(memory.buffer, offset, STATX_BYTES);
  }

  get address(): number {
    return this.memory.address + this.offset;
  }
  /** Names of the file; 0 for one that is open and unlinked. */
  get links(): number {
    return this.#view.getUint32(0x10, true);
  }
  get uid(): number {
    return this.#view.getUint32(0x14, true);
  }
  get gid(): number {
    return this.#view.getUint32(0x18, true);
  }
  /** With the type bits (S_IFMT). */
  get mode(): number {
    return this.#view.getUint16(0x1c, true);
  }
  get inode(): number {
    return u64(this.#view, 0x20);
  }
  get sizeBytes(): number {
    return u64(this.#view, 0x28);
  }
  get ctimeSec(): number {
    return i64(this.#view, 0x60);
  }
  get ctimeNsec(): number {
    return this.#view.getUint32(0x68, true);
  }
  get mtimeSec(): number {
    return i64(this.#view, 0x70);
  }
  get mtimeNsec(): number {
    return this.#view.getUint32(0x78, true);
  }
  /** One number for the device, unique below 2^52 (major and minor have at most 12 and 20 bits). */
  get device(): number {
    return this.#view.getUint32(0x88, true) * 0x100000 + this.#view.getUint32(0x8c, true);
  }
}
