/**
 * The mounted tree: a view of the catalog behind the session's `FileSystem`.
 *
 * Two of these run in a mount. The FUSE thread's answers what needs no waiting and defers the rest;
 * the main thread's (`mustAnswer`) handles the directory requests that were deferred once their
 * directory was listed, and never defers. Both look at the same shared tables.
 */

import type { CatalogReader } from "../catalog/catalog.ts";
import { emptyNode } from "../catalog/tree_node.ts";
import {
  type Attributes,
  DEFERRED,
  type DirectorySink,
  type FileSystem,
  type NodeEntry,
  type OpenedFile,
  type RequestContext,
  type Result,
  type StatFs,
} from "../fuse/filesystem.ts";
import {
  EBADF,
  EINVAL,
  EISDIR,
  ENODATA,
  ENOSYS,
  ENOTDIR,
  ENXIO,
  EOPNOTSUPP,
  ESTALE,
} from "../sys/errno.ts";
import type { Memory } from "../sys/memory.ts";
import { ATTRIBUTES_VALID_MS, fillAttributes, type Ownership } from "./attributes.ts";
import type { Defer } from "./deferred.ts";
import type { HandleTable } from "./handles.ts";
import { entryOf, isFileNode, nodeidOf, versionOf } from "./nodeid.ts";
import type { OpenFiles } from "./open_files.ts";
import type { SeenDirectories } from "./seen.ts";
import { isOurs, xattrNames, xattrValue } from "./xattrs.ts";

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

const STATFS_BLOCK_BYTES = 4096;

export interface FileSystemPorts {
  readonly catalog: CatalogReader;
  readonly handles: HandleTable;
  readonly files: OpenFiles;
  readonly seen: SeenDirectories;
  readonly owner: Ownership;
  readonly defer: Defer;
  /** Answer directory requests from what is known, and let the kernel keep none of it. */
  readonly mustAnswer: boolean;
}

export class MountFileSystem implements FileSystem {
  readonly #node = emptyNode();

  constructor(readonly ports: FileSystemPorts) {}

  lookup(context: RequestContext, parent: number, name: Uint8Array, out: NodeEntry): Result {
    const { catalog } = this.ports;
    if (isFileNode(parent)) return -ENOTDIR;
    const directory = entryOf(parent);
    if (catalog.lookup(directory, name, this.#node)) {
      this.#fill(out);
      return 0;
    }
    if (!catalog.directory(directory, this.#node)) return -ESTALE;
    const complete = catalog.unlisted(directory).length === 0;
    if (!complete && !this.ports.mustAnswer) return this.#deferDirectory(context, directory);
    out.nodeid = 0;
    out.validMs = complete ? ATTRIBUTES_VALID_MS : 0;
    return 0;
  }

  forget(): void {
    // Nodeids are catalog ids and hold nothing.
  }

  getattr(_context: RequestContext, nodeid: number, _fh: number, out: Attributes): Result {
    const { catalog, owner } = this.ports;
    const found = isFileNode(nodeid)
      ? catalog.version(versionOf(nodeid), this.#node)
      : catalog.directory(entryOf(nodeid), this.#node);
    if (!found) return -ESTALE;
    fillAttributes(this.#node, owner, out);
    return 0;
  }

  /**
   * "Not implemented" makes the kernel open directories by itself and keep every listing until it is
   * told of a change: a second `ls -lR` then asks us nothing.
   */
  opendir(): Result {
    return -ENOSYS;
  }

  readdir(
    context: RequestContext,
    nodeid: number,
    _fh: number,
    cookie: number,
    sink: DirectorySink,
  ): Result {
    const { catalog, mustAnswer } = this.ports;
    if (isFileNode(nodeid)) return -ENOTDIR;
    const directory = entryOf(nodeid);
    if (!catalog.directory(directory, this.#node)) return -ESTALE;
    if (cookie === 0 && !mustAnswer && catalog.unlisted(directory).length > 0) {
      return this.#deferDirectory(context, directory);
    }
    // A cookie is the id of the entry before.
    catalog.list(directory, cookie, this.#node, (name) => {
      this.#fill(sink.entry);
      return sink.add(name, this.#node.entry);
    });
    return 0;
  }

  releasedir(): void {
    // Directories are never opened here.
  }

  open(context: RequestContext, nodeid: number, _flags: number, out: OpenedFile): Result {
    if (!isFileNode(nodeid)) return -EISDIR;
    return this.ports.files.open(context, nodeid, out);
  }

  read(
    context: RequestContext,
    _nodeid: number,
    fh: number,
    offsetBytes: number,
    lengthBytes: number,
    into: Memory,
    intoOffset: number,
  ): Result {
    return this.ports.files.read(context, fh, offsetBytes, lengthBytes, into, intoOffset);
  }

  flush(_context: RequestContext, _nodeid: number, fh: number): Result {
    this.ports.files.flush(fh);
    return 0;
  }

  release(nodeid: number, fh: number): void {
    this.ports.files.release(nodeid, fh);
  }

  /** The library as a full disk: what is in it, and no room. */
  statfs(_context: RequestContext, _nodeid: number, out: StatFs): Result {
    const totals = this.ports.catalog.totals();
    out.blockSizeBytes = STATFS_BLOCK_BYTES;
    out.blocks = Math.ceil(totals.bytes / STATFS_BLOCK_BYTES);
    out.freeBlocks = 0;
    out.files = totals.files + totals.directories;
    out.freeFiles = 0;
    out.nameMaxBytes = 255;
    return 0;
  }

  getxattr(_context: RequestContext, nodeid: number, name: Uint8Array, into: Uint8Array): Result {
    // ENODATA would cost `ls -l` two requests a file: the kernel keeps "not supported", not "none".
    if (!isOurs(name)) return -EOPNOTSUPP;
    if (!isFileNode(nodeid)) return -ENODATA;
    const value = xattrValue(this.ports.catalog, versionOf(nodeid), name);
    if (value === undefined) return -ENODATA;
    if (value.byteLength <= into.byteLength) into.set(value);
    return value.byteLength;
  }

  listxattr(_context: RequestContext, nodeid: number, into: Uint8Array): Result {
    if (!isFileNode(nodeid)) return 0;
    const names = xattrNames();
    if (names.byteLength <= into.byteLength) into.set(names);
    return names.byteLength;
  }

  /** Files have no holes that we know of: data up to the end, one hole there. */
  lseek(
    _context: RequestContext,
    _nodeid: number,
    fh: number,
    offsetBytes: number,
    whence: number,
  ): Result {
    if (!this.ports.handles.isOpen(fh)) return -EBADF;
    const size = this.ports.handles.sizeBytes(fh);
    if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return -EINVAL;
    if (offsetBytes >= size) return -ENXIO;
    return whence === SEEK_DATA ? offsetBytes : size;
  }

  interrupt(unique: number): void {
    this.ports.defer({ kind: "interrupt", unique });
  }

  #fill(out: NodeEntry): void {
    const node = this.#node;
    if (node.isDirectory) this.ports.seen.add(node.entry);
    out.nodeid = nodeidOf(node);
    out.validMs = ATTRIBUTES_VALID_MS;
    fillAttributes(node, this.ports.owner, out.attributes);
  }

  #deferDirectory(context: RequestContext, directory: number): Result {
    const request = context.request.slice();
    this.ports.defer({ kind: "directory", unique: context.unique, directory, request });
    return DEFERRED;
  }
}
