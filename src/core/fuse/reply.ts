/**
 * Encoders of replies. A reply is a 16-byte header and a body behind it in the same memory, so that
 * data read from a disk goes straight to its place. The session uses them, and so does whoever took
 * over a request that was {@link DEFERRED}: encode into a Memory of one's own, then write(2) the
 * answered number of bytes to the device in one call.
 */

import { BLOCK_BYTES } from "../limits.ts";
import type { Memory } from "../sys/memory.ts";
import type { Attributes, NodeEntry, OpenedFile, StatFs } from "./filesystem.ts";
import {
  ATTR,
  ATTR_OUT,
  ENTRY_OUT,
  GETXATTR_OUT,
  LSEEK_OUT,
  OPEN_OUT,
  OUT_HEADER,
  STATFS_OUT,
} from "./layout.ts";
import { putU64 } from "./wire.ts";

/** Where the body of a reply starts. */
export const REPLY_BODY = OUT_HEADER.sizeBytes;

/** The unit of `blocks`, fixed by stat(2). */
const STAT_BLOCK_BYTES = 512;
/**
 * `st_blksize`, by which stdio sizes its buffers: a block of the cache, so that a program which reads past the kernel's
 * pages makes one request of it and not sixteen.
 */
const PREFERRED_BLOCK_BYTES = BLOCK_BYTES;
const NSEC_PER_MSEC = 1e6;
/** "For ever" (68 years): the kernel caps longer ones itself. */
const VALID_MAX_MS = 0x7fff_ffff * 1000;

/** Completes the reply whose body of `bodyBytes` is at {@link REPLY_BODY}; answers its length. */
export function finishReply(reply: Memory, unique: number, bodyBytes: number): number {
  putU64(reply.view, OUT_HEADER.at.unique, unique);
  return finishHeader(reply, bodyBytes);
}

/** An error instead of a body; `errno` is negative. Answers the reply's length. */
export function errorReply(reply: Memory, unique: number, errno: number): number {
  putU64(reply.view, OUT_HEADER.at.unique, unique);
  return finishError(reply, errno);
}

/** As {@link finishReply} where `unique` is in place. */
export function finishHeader(reply: Memory, bodyBytes: number): number {
  const length = REPLY_BODY + bodyBytes;
  reply.view.setUint32(OUT_HEADER.at.len, length, true);
  reply.view.setInt32(OUT_HEADER.at.error, 0, true);
  return length;
}

/** As {@link errorReply} where `unique` is in place. */
export function finishError(reply: Memory, errno: number): number {
  reply.view.setUint32(OUT_HEADER.at.len, REPLY_BODY, true);
  reply.view.setInt32(OUT_HEADER.at.error, errno, true);
  return REPLY_BODY;
}

/** The reply to LOOKUP. */
export function entryReply(reply: Memory, unique: number, entry: NodeEntry): number {
  return finishReply(reply, unique, putEntry(reply.view, REPLY_BODY, entry));
}

/** The reply to GETATTR. */
export function attributesReply(reply: Memory, unique: number, attributes: Attributes): number {
  return finishReply(reply, unique, putAttributes(reply.view, REPLY_BODY, attributes));
}

/** The reply to OPEN and OPENDIR. */
export function openReply(reply: Memory, unique: number, opened: OpenedFile): number {
  return finishReply(reply, unique, putOpened(reply.view, REPLY_BODY, opened));
}

// What follows writes one structure at `at` and answers its size in bytes.

export function putEntry(view: DataView, at: number, entry: NodeEntry): number {
  const out = ENTRY_OUT.at;
  const { attributes } = entry;
  putU64(view, at + out.nodeid, entry.nodeid);
  // Nodeids are never used again, so one generation does.
  putU64(view, at + out.generation, 0);
  putValidity(view, at + out.entry_valid, at + out.entry_valid_nsec, entry.validMs);
  putValidity(view, at + out.attr_valid, at + out.attr_valid_nsec, attributes.validMs);
  putAttr(view, at + out.attr, attributes);
  return ENTRY_OUT.sizeBytes;
}

export function putAttributes(view: DataView, at: number, attributes: Attributes): number {
  const out = ATTR_OUT.at;
  putValidity(view, at + out.attr_valid, at + out.attr_valid_nsec, attributes.validMs);
  view.setUint32(at + out.dummy, 0, true);
  putAttr(view, at + out.attr, attributes);
  return ATTR_OUT.sizeBytes;
}

export function putOpened(view: DataView, at: number, opened: OpenedFile): number {
  putU64(view, at + OPEN_OUT.at.fh, opened.fh);
  view.setUint32(at + OPEN_OUT.at.open_flags, opened.flags, true);
  view.setInt32(at + OPEN_OUT.at.backing_id, opened.backingId, true);
  return OPEN_OUT.sizeBytes;
}

export function putStatFs(view: DataView, at: number, statfs: StatFs): number {
  const out = STATFS_OUT.at;
  putU64(view, at + out.blocks, statfs.blocks);
  putU64(view, at + out.bfree, statfs.freeBlocks);
  putU64(view, at + out.bavail, statfs.freeBlocks);
  putU64(view, at + out.files, statfs.files);
  putU64(view, at + out.ffree, statfs.freeFiles);
  view.setUint32(at + out.bsize, statfs.blockSizeBytes, true);
  view.setUint32(at + out.namelen, statfs.nameMaxBytes, true);
  view.setUint32(at + out.frsize, statfs.blockSizeBytes, true);
  for (let i = out.padding; i < STATFS_OUT.sizeBytes; i += 4) view.setUint32(at + i, 0, true);
  return STATFS_OUT.sizeBytes;
}

/** The answer to a GETXATTR or LISTXATTR that asks for the size only. */
export function putXattrSize(view: DataView, at: number, sizeBytes: number): number {
  view.setUint32(at + GETXATTR_OUT.at.size, sizeBytes, true);
  view.setUint32(at + GETXATTR_OUT.at.padding, 0, true);
  return GETXATTR_OUT.sizeBytes;
}

export function putOffset(view: DataView, at: number, offsetBytes: number): number {
  putU64(view, at + LSEEK_OUT.at.offset, offsetBytes);
  return LSEEK_OUT.sizeBytes;
}

function putAttr(view: DataView, at: number, attributes: Attributes): void {
  const out = ATTR.at;
  const { mtimeSec, mtimeNsec } = attributes;
  putU64(view, at + out.ino, attributes.inode);
  putU64(view, at + out.size, attributes.sizeBytes);
  putU64(view, at + out.blocks, Math.ceil(attributes.sizeBytes / STAT_BLOCK_BYTES));
  putU64(view, at + out.atime, mtimeSec);
  putU64(view, at + out.mtime, mtimeSec);
  putU64(view, at + out.ctime, mtimeSec);
  view.setUint32(at + out.atimensec, mtimeNsec, true);
  view.setUint32(at + out.mtimensec, mtimeNsec, true);
  view.setUint32(at + out.ctimensec, mtimeNsec, true);
  view.setUint32(at + out.mode, attributes.mode, true);
  view.setUint32(at + out.nlink, attributes.nlink, true);
  view.setUint32(at + out.uid, attributes.uid, true);
  view.setUint32(at + out.gid, attributes.gid, true);
  view.setUint32(at + out.rdev, 0, true);
  view.setUint32(at + out.blksize, PREFERRED_BLOCK_BYTES, true);
  view.setUint32(at + out.flags, 0, true);
}

function putValidity(view: DataView, secAt: number, nsecAt: number, validMs: number): void {
  const ms = Math.min(Math.max(validMs, 0), VALID_MAX_MS);
  const sec = Math.floor(ms / 1000);
  putU64(view, secAt, sec);
  view.setUint32(nsecAt, (ms - sec * 1000) * NSEC_PER_MSEC, true);
}
