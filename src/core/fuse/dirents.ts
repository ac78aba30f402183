/**
 * The body of a reply to READDIR or READDIRPLUS. `.` and `..` are ours: every directory starts with
 * them, file systems list neither. They carry the kernel's offsets 1 and 2, so that a file system's
 * cookie `c` is the kernel's offset `c + 2`.
 */

import { OwnError } from "../errors.ts";
import type { Memory } from "../sys/memory.ts";
import { NAME_MAX_BYTES, UNKNOWN_INODE } from "./abi.ts";
import type { DirectorySink, NodeEntry } from "./filesystem.ts";
import { DIRENT, ENTRY_OUT } from "./layout.ts";
import { putEntry } from "./reply.ts";
import { putU64 } from "./wire.ts";

const DOTS = [Buffer.from("."), Buffer.from("..")] as const;
const S_IFDIR = 0o040000;
const ALIGNMENT_BYTES = 8;
/** `d_type` is the type bits of a mode. */
const TYPE_SHIFT = 12;
const TYPE_MASK = 0o17;

export class DirentSink implements DirectorySink {
  plus = false;
  readonly entry: NodeEntry;
  readonly #into: Memory;
  readonly #start: number;
  #at = 0;
  #end = 0;
  #overflowed = false;

  /** Writes to `into` from `start` on; `entry` is what file systems fill. */
  constructor(into: Memory, start: number, entry: NodeEntry) {
    this.#into = into;
    this.#start = start;
    this.entry = entry;
  }

  /** Starts a listing of at most `sizeBytes` at the kernel's `offset`; answers the file system's cookie. */
  begin(plus: boolean, offset: number, sizeBytes: number): number {
    this.plus = plus;
    this.#at = this.#start;
    this.#end = this.#start + sizeBytes;
    this.#overflowed = false;
    for (let dot = offset; dot < DOTS.length; dot++) this.#addDot(dot);
    return Math.max(0, offset - DOTS.length);
  }

  add(name: Uint8Array, cookie: number): boolean {
    if (name.length === 0 || name.length > NAME_MAX_BYTES) {
      throw new OwnError("internal", `a directory entry's name has ${name.length} bytes`);
    }
    return this.#put(name, cookie + DOTS.length);
  }

  get bytes(): number {
    return this.#at - this.#start;
  }

  /** An entry was refused although nothing stands before it: the request's size is too small. */
  get tooSmall(): boolean {
    return this.#overflowed && this.#at === this.#start;
  }

  #addDot(index: 0 | 1 | number): void {
    const name = DOTS[index];
    if (name === undefined) return;
    const { entry } = this;
    // Nodeid 0: the kernel makes no node of it, and counts no lookup.
    entry.nodeid = 0;
    entry.attributes.inode = UNKNOWN_INODE;
    entry.attributes.mode = S_IFDIR;
    this.#put(name, index + 1);
  }

  #put(name: Uint8Array, offset: number): boolean {
    const headBytes = (this.plus ? ENTRY_OUT.sizeBytes : 0) + DIRENT.sizeBytes;
    const usedBytes = headBytes + name.length;
    const next = this.#at + Math.ceil(usedBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    if (this.#overflowed || next > this.#end) {
      this.#overflowed = true;
      return false;
    }
    const { view, bytes } = this.#into;
    let at = this.#at;
    if (this.plus) at += putEntry(view, at, this.entry);
    const { inode, mode } = this.entry.attributes;
    putU64(view, at + DIRENT.at.ino, inode);
    putU64(view, at + DIRENT.at.off, offset);
    view.setUint32(at + DIRENT.at.namelen, name.length, true);
    view.setUint32(at + DIRENT.at.type, (mode >> TYPE_SHIFT) & TYPE_MASK, true);
    bytes.set(name, at + DIRENT.sizeBytes);
    bytes.fill(0, this.#at + usedBytes, next);
    this.#at = next;
    return true;
  }
}
