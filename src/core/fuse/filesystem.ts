/**
 * What a session needs of a file system, and nothing of FUSE's wire format.
 *
 * Handlers are synchronous and fill objects that the session owns and reuses. They answer 0 (or a
 * number of bytes), a negative errno, or {@link DEFERRED}: then nothing was decided, nothing may be
 * written into the out objects later, and whoever took the request over replies to the kernel by
 * its `unique` (see `reply.ts`). Every request is answered exactly once.
 *
 * Numbers: the kernel's 64-bit nodeids, handles, offsets and uniques stay below 2^53 because we hand
 * out the first two, files end before 2^53 and uniques count requests by two; the session answers
 * EINVAL to anything larger.
 */

import type { Memory } from "../sys/memory.ts";

/** "Somebody else will reply." Lies outside the range of errnos. */
export const DEFERRED = -0x10000;

/** 0 or a count, a negative errno, or {@link DEFERRED}. */
export type Result = number;

/** Who asks. Valid until the handler returns. */
export interface RequestContext {
  unique: number;
  uid: number;
  gid: number;
  pid: number;
  /** The whole request, so that one that is deferred can be kept (copied) and handled again. */
  request: Uint8Array;
}

/** `fuse_attr` in our words. `mode` includes the type bits; atime and ctime are told as mtime. */
export interface Attributes {
  inode: number;
  sizeBytes: number;
  mtimeSec: number;
  mtimeNsec: number;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  /** How long the kernel may keep these attributes. */
  validMs: number;
}

/** `fuse_entry_out`: a name's node. `nodeid` 0 says "no such name", to be kept for `validMs`. */
export interface NodeEntry {
  nodeid: number;
  /** How long the kernel may keep the name. */
  validMs: number;
  readonly attributes: Attributes;
}

/** `fuse_open_out`. */
export interface OpenedFile {
  fh: number;
  /** FOPEN_* of `abi.ts`. */
  flags: number;
  /** With FOPEN_PASSTHROUGH: the id that BACKING_OPEN returned. */
  backingId: number;
}

export interface StatFs {
  blockSizeBytes: number;
  blocks: number;
  freeBlocks: number;
  files: number;
  freeFiles: number;
  nameMaxBytes: number;
}

/** Takes directory entries until the reply is full. */
export interface DirectorySink {
  /** True: READDIRPLUS, the entry's nodeid, validity and attributes count. */
  readonly plus: boolean;
  /** The entry to fill before `add`; reused for each. */
  readonly entry: NodeEntry;
  /**
   * Adds `entry` under `name`. `cookie` is what the kernel sends back to go on *after* this entry.
   * False: it did not fit, nothing was added, stop.
   */
  add(name: Uint8Array, cookie: number): boolean;
}

export interface FileSystem {
  /** `out.nodeid` 0 (as it comes) with a validity says that there is no such name. */
  lookup(context: RequestContext, parent: number, name: Uint8Array, out: NodeEntry): Result;
  /** `count` lookups of `nodeid` are forgotten. */
  forget(nodeid: number, count: number): void;
  /** `fh` is -1 without a handle. */
  getattr(context: RequestContext, nodeid: number, fh: number, out: Attributes): Result;
  /**
   * -ENOSYS: directories have no handles. The kernel then asks neither OPENDIR nor RELEASEDIR again,
   * sends `fh` 0, and keeps every listing until it is told to drop it (INVAL_INODE of the directory).
   */
  opendir(context: RequestContext, nodeid: number, out: OpenedFile): Result;
  /** Without `.` and `..`, which the session adds. Entries after `cookie` (0: from the start), in an order that additions do not disturb. */
  readdir(
    context: RequestContext,
    nodeid: number,
    fh: number,
    cookie: number,
    sink: DirectorySink,
  ): Result;
  releasedir(nodeid: number, fh: number): void;
  /** `flags` as of open(2), already known to ask for reading only. */
  open(context: RequestContext, nodeid: number, flags: number, out: OpenedFile): Result;
  /**
   * Reads into `into` from `intoOffset` on, at most `lengthBytes`. Answers exactly
   * min(lengthBytes, size - offset) bytes: one short reply shrinks the kernel's idea of the size.
   */
  read(
    context: RequestContext,
    nodeid: number,
    fh: number,
    offsetBytes: number,
    lengthBytes: number,
    into: Memory,
    intoOffset: number,
  ): Result;
  /** A descriptor of the handle was closed; reads still waiting for it are given up. */
  flush(context: RequestContext, nodeid: number, fh: number, lockOwner: bigint): Result;
  release(nodeid: number, fh: number): void;
  statfs(context: RequestContext, nodeid: number, out: StatFs): Result;
  /**
   * Writes the value into `into` if `into` is large enough; answers its size in either case. The
   * name may hold slashes.
   */
  getxattr(context: RequestContext, nodeid: number, name: Uint8Array, into: Uint8Array): Result;
  /** As `getxattr`, for the NUL-terminated names. */
  listxattr(context: RequestContext, nodeid: number, into: Uint8Array): Result;
  /** SEEK_DATA (3) and SEEK_HOLE (4); answers the new offset. */
  lseek(
    context: RequestContext,
    nodeid: number,
    fh: number,
    offsetBytes: number,
    whence: number,
  ): Result;
  /** The caller of request `unique` was interrupted; it may be gone, answered, or yet to come. */
  interrupt(unique: number): void;
}
