/**
 * The smallest honest FileSystem: a fixed tree in memory, the same at every start. Tests of the
 * session use it, and a real mount serves it (test/e2e/fuse).
 */

import { ROOT_NODEID } from "../../../src/core/fuse/abi.ts";
import type {
  Attributes,
  DirectorySink,
  FileSystem,
  NodeEntry,
  OpenedFile,
  RequestContext,
  Result,
  StatFs,
} from "../../../src/core/fuse/filesystem.ts";
import { S_IFDIR, S_IFREG } from "../../../src/core/sys/arch.ts";
import {
  EISDIR,
  ENODATA,
  ENOENT,
  ENOSYS,
  ENOTDIR,
  ENXIO,
  EOPNOTSUPP,
} from "../../../src/core/sys/errno.ts";
import type { Memory } from "../../../src/core/sys/memory.ts";

interface Node {
  readonly nodeid: number;
  readonly name: Uint8Array;
  readonly children: Node[] | undefined;
  readonly content: Uint8Array;
}

export const VALID_MS = 3_600_000;
export const MTIME_SEC = 1_500_000_000;
export const XATTR_NAME = "user.musicfs.origin";
export const XATTR_VALUE = Buffer.from("memory");
export const MANY = 60;

/** Bytes that differ from their neighbours, and from those a block further on. */
export function pattern(lengthBytes: number): Uint8Array {
  return Uint8Array.from({ length: lengthBytes }, (_, i) => (i * 31 + (i >> 8) * 7) & 0xff);
}

export class MemoryFileSystem implements FileSystem {
  /** Lookups that the kernel holds, by nodeid. */
  readonly lookups = new Map<number, number>();
  readonly interrupts: number[] = [];
  readonly openHandles = new Set<number>();
  readonly #nodes = new Map<number, Node>();
  #nextHandle = 1;

  constructor() {
    const root = this.#add(undefined, Buffer.alloc(0), []);
    const album = this.#add(root, Buffer.from("album"), []);
    this.#add(album, Buffer.from("01 song.flac"), pattern(20_000));
    this.#add(album, Buffer.from("naïve.mp3"), pattern(4097));
    this.#add(album, Buffer.from([0x6c, 0xe4, 0x74, 0x69, 0x6e]), pattern(10));
    this.#add(album, Buffer.from("empty"), pattern(0));
    this.#add(album, Buffer.alloc(255, "x"), pattern(1));
    const many = this.#add(root, Buffer.from("many"), []);
    for (let i = 0; i < MANY; i++) this.#add(many, Buffer.from(`track ${i}.ogg`), pattern(i));
  }

  #add(parent: Node | undefined, name: Uint8Array, what: Node[] | Uint8Array): Node {
    const nodeid = this.#nodes.size + ROOT_NODEID;
    const isDirectory = Array.isArray(what);
    const node: Node = {
      nodeid,
      name,
      children: isDirectory ? what : undefined,
      content: isDirectory ? new Uint8Array(0) : what,
    };
    this.#nodes.set(nodeid, node);
    parent?.children?.push(node);
    return node;
  }

  lookup(_: RequestContext, parent: number, name: Uint8Array, out: NodeEntry): Result {
    const children = this.#nodes.get(parent)?.children;
    if (children === undefined) return -ENOTDIR;
    const node = children.find((child) => Buffer.compare(child.name, name) === 0);
    out.validMs = VALID_MS;
    if (node === undefined) return 0;
    this.#fillEntry(node, out);
    return 0;
  }

  #fillEntry(node: Node, out: NodeEntry): void {
    this.lookups.set(node.nodeid, (this.lookups.get(node.nodeid) ?? 0) + 1);
    out.nodeid = node.nodeid;
    out.validMs = VALID_MS;
    fillAttributes(node, out.attributes);
  }

  forget(nodeid: number, count: number): void {
    this.lookups.set(nodeid, (this.lookups.get(nodeid) ?? 0) - count);
  }

  getattr(_: RequestContext, nodeid: number, _fh: number, out: Attributes): Result {
    const node = this.#nodes.get(nodeid);
    if (node === undefined) return -ENOENT;
    fillAttributes(node, out);
    return 0;
  }

  opendir(_: RequestContext, _nodeid: number, _out: OpenedFile): Result {
    return -ENOSYS;
  }

  readdir(
    _: RequestContext,
    nodeid: number,
    _fh: number,
    cookie: number,
    sink: DirectorySink,
  ): Result {
    const children = this.#nodes.get(nodeid)?.children;
    if (children === undefined) return -ENOTDIR;
    for (const [index, child] of children.entries()) {
      if (index < cookie) continue;
      sink.entry.nodeid = child.nodeid;
      sink.entry.validMs = VALID_MS;
      fillAttributes(child, sink.entry.attributes);
      if (!sink.add(child.name, index + 1)) break;
      if (sink.plus) this.lookups.set(child.nodeid, (this.lookups.get(child.nodeid) ?? 0) + 1);
    }
    return 0;
  }

  releasedir(_nodeid: number, fh: number): void {
    this.openHandles.delete(fh);
  }

  open(_: RequestContext, nodeid: number, _flags: number, out: OpenedFile): Result {
    const node = this.#nodes.get(nodeid);
    if (node === undefined) return -ENOENT;
    if (node.children !== undefined) return -EISDIR;
    out.fh = this.#nextHandle++;
    this.openHandles.add(out.fh);
    return 0;
  }

  read(
    _: RequestContext,
    nodeid: number,
    _fh: number,
    offsetBytes: number,
    lengthBytes: number,
    into: Memory,
    intoOffset: number,
  ): Result {
    const node = this.#nodes.get(nodeid);
    if (node === undefined) return -ENOENT;
    const data = node.content.subarray(offsetBytes, offsetBytes + lengthBytes);
    into.bytes.set(data, intoOffset);
    return data.length;
  }

  flush(): Result {
    return 0;
  }

  release(_nodeid: number, fh: number): void {
    this.openHandles.delete(fh);
  }

  statfs(_: RequestContext, _nodeid: number, out: StatFs): Result {
    out.blockSizeBytes = 4096;
    out.blocks = 1000;
    out.freeBlocks = 0;
    out.files = this.#nodes.size;
    out.freeFiles = 0;
    out.nameMaxBytes = 255;
    return 0;
  }

  getxattr(_: RequestContext, _nodeid: number, name: Uint8Array, into: Uint8Array): Result {
    const text = Buffer.from(name).toString();
    if (!text.startsWith("user.musicfs.")) return -EOPNOTSUPP;
    if (text !== XATTR_NAME) return -ENODATA;
    if (into.length >= XATTR_VALUE.length) into.set(XATTR_VALUE);
    return XATTR_VALUE.length;
  }

  listxattr(_: RequestContext, _nodeid: number, into: Uint8Array): Result {
    const names = Buffer.from(`${XATTR_NAME}\0`);
    if (into.length >= names.length) into.set(names);
    return names.length;
  }

  /** No holes: data up to the end, where every file has its one hole. */
  lseek(_: RequestContext, nodeid: number, _fh: number, offset: number, whence: number): Result {
    const size = this.#nodes.get(nodeid)?.content.length ?? 0;
    if (offset >= size) return -ENXIO;
    return whence === 3 ? offset : size;
  }

  interrupt(unique: number): void {
    this.interrupts.push(unique);
  }
}

/** Inode numbers are not nodeids, so that mixing them up is seen. */
function fillAttributes(node: Node, out: Attributes): void {
  const isDirectory = node.children !== undefined;
  out.inode = node.nodeid + 1000;
  out.sizeBytes = node.content.length;
  out.mtimeSec = MTIME_SEC + node.nodeid;
  out.mtimeNsec = 123_456_789;
  out.mode = isDirectory ? S_IFDIR | 0o555 : S_IFREG | 0o444;
  out.nlink = isDirectory ? 2 : 1;
  out.uid = 0;
  out.gid = 0;
  out.validMs = VALID_MS;
}
