/** What the bytes of the program's replies say. */

import { ATTR, DIRENT, ENTRY_OUT } from "../../src/core/fuse/layout.ts";

const S_IFDIR = 0o040000;
const S_IFMT = 0o170000;

export interface Attributes {
  readonly inode: number;
  readonly sizeBytes: number;
  readonly mtimeSec: number;
  readonly mtimeNsec: number;
  readonly isDirectory: boolean;
}

export interface Node extends Attributes {
  readonly nodeid: number;
}

export interface Entry {
  /** Undefined: the name is not there. */
  readonly node: Node | undefined;
  readonly nameValidMs: number;
  readonly attributesValidMs: number;
}

export interface DirectoryEntry {
  readonly name: string;
  /** Where the next entry is asked for. */
  readonly offset: bigint;
  /** As LOOKUP answers. */
  readonly entry: Entry;
}

/** A `fuse_attr` at `start`. */
export function attributesAt(body: Buffer, start: number): Attributes {
  const { at } = ATTR;
  return {
    inode: Number(body.readBigUInt64LE(start + at.ino)),
    sizeBytes: Number(body.readBigUInt64LE(start + at.size)),
    mtimeSec: Number(body.readBigInt64LE(start + at.mtime)),
    mtimeNsec: body.readUInt32LE(start + at.mtimensec),
    isDirectory: (body.readUInt32LE(start + at.mode) & S_IFMT) === S_IFDIR,
  };
}

/** A `fuse_entry_out` at `start`. */
export function entryAt(body: Buffer, start = 0): Entry {
  const { at } = ENTRY_OUT;
  const nodeid = Number(body.readBigUInt64LE(start + at.nodeid));
  return {
    node: nodeid === 0 ? undefined : { nodeid, ...attributesAt(body, start + at.attr) },
    nameValidMs: Number(body.readBigUInt64LE(start + at.entry_valid)) * 1000,
    attributesValidMs: Number(body.readBigUInt64LE(start + at.attr_valid)) * 1000,
  };
}

/** The `fuse_direntplus` of a READDIRPLUS reply, `.` and `..` among them. */
export function* directoryEntries(body: Buffer): Generator<DirectoryEntry> {
  for (let start = 0; start < body.length; ) {
    const dirent = start + ENTRY_OUT.sizeBytes;
    const length = body.readUInt32LE(dirent + DIRENT.at.namelen);
    const nameAt = dirent + DIRENT.sizeBytes;
    yield {
      name: body.toString("latin1", nameAt, nameAt + length),
      offset: body.readBigUInt64LE(dirent + DIRENT.at.off),
      entry: entryAt(body, start),
    };
    start = nameAt + Math.ceil(length / 8) * 8;
  }
}
