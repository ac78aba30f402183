/**
 * The kernel's side of the mount, as far as MusicFS can tell it from Linux: names and attributes are
 * kept for as long as they are valid, pages belong to a nodeid, listings are kept until told
 * otherwise, a path that led to ESTALE is walked once more. Requests leave as bytes, replies and
 * notifications come as bytes.
 */

import * as abi from "../../src/core/fuse/abi.ts";
import {
  ATTR_OUT,
  NOTIFY_INVAL_ENTRY_OUT,
  NOTIFY_INVAL_INODE_OUT,
  OPEN_OUT,
  OUT_HEADER,
} from "../../src/core/fuse/layout.ts";
import {
  EISDIR,
  ENODEV,
  ENOENT,
  ENOSYS,
  ENOTDIR,
  ESTALE,
  errnoName,
} from "../../src/core/sys/errno.ts";
import { named, OFFER, u32, u64 } from "../core/fuse/requests.ts";
import type { FileHandle } from "./file_handle.ts";
import { type ConnectionPorts, FuseConnection } from "./fuse_connection.ts";
import { attributesAt, directoryEntries, type Entry, entryAt, type Node } from "./fuse_replies.ts";
import type { Outcome } from "./outcome.ts";
import { PAGE_BYTES, PageCache } from "./page_cache.ts";
import type { Read } from "./read_log.ts";

const ROOT = 1;
const READ_LIMIT_BYTES = 1024 * 1024;
const LISTING_BYTES = 4096;

interface Kept<T> {
  readonly node: T;
  readonly validMs: number;
}

export interface KernelPorts extends ConnectionPorts {
  /** A node is told of for the first time. */
  readonly onNode: (path: string, node: Node) => void;
  /** The program answers for a name; without a node it is not there. */
  readonly onName: (path: string, node: Node | undefined) => void;
  /** The program told all names of a directory. */
  readonly onListed: (path: string, names: readonly string[]) => void;
  readonly onReadSent: (handle: FileHandle, offsetBytes: number, lengthBytes: number) => Read;
  /** A READ that left was answered; true when the bytes are of a replica that is not proved. */
  readonly onRead: (read: Read, result: Outcome<Uint8Array>) => boolean;
}

export class Kernel {
  readonly #connection: FuseConnection;
  /** By parent and name; without a node the name is known not to be there. */
  readonly #names = new Map<string, Kept<Node | undefined>>();
  readonly #attributes = new Map<number, Kept<Node>>();
  readonly #pages = new PageCache();
  readonly #listings = new Map<number, readonly string[]>();
  /** Counts what a listing under way must not outlive. */
  readonly #invalidations = new Map<number, number>();
  readonly handles = new Set<FileHandle>();
  readonly #known = new Set<number>([ROOT]);
  #noOpendir = false;

  constructor(readonly ports: KernelPorts) {
    this.#connection = new FuseConnection(ports);
  }

  /** The first request of every mount. */
  async init(): Promise<void> {
    const { major, minor, maxReadaheadBytes, flags, flags2 } = OFFER;
    const words = [major, minor, maxReadaheadBytes, flags, flags2];
    await this.#connection.ask("INIT", 0, [...words.map(u32), new Uint8Array(44)]);
  }

  /** The connection is gone: everything that waits fails. */
  disconnect(): void {
    this.#connection.disconnect();
    this.handles.clear();
  }

  /** Handles that brought pages of replicas that are not proved, and whose pages are still there. */
  unprovedBy(): ReadonlySet<FileHandle> {
    return this.#pages.unprovedBy();
  }

  get pendingRequests(): number {
    return this.#connection.pending;
  }

  /** Looks for requests that should have been answered by now. */
  checkTimes(): void {
    this.#connection.checkTimes();
  }

  take(reply: Uint8Array): void {
    this.#connection.take(reply);
  }

  /** True when a notification has to wait for the directory's lock. */
  isLocked(notification: Uint8Array): boolean {
    const message = Buffer.from(notification);
    if (message.readInt32LE(OUT_HEADER.at.error) !== abi.NOTIFY.INVAL_ENTRY) return false;
    const { at } = NOTIFY_INVAL_ENTRY_OUT;
    const parent = Number(message.readBigUInt64LE(OUT_HEADER.sizeBytes + at.parent));
    return this.#connection.isAsking(parent, ["LOOKUP", "READDIRPLUS"]);
  }

  /** A message that nobody asked for; answers as write(2) does. */
  notify(notification: Uint8Array): number {
    const message = Buffer.from(notification);
    const body = message.subarray(OUT_HEADER.sizeBytes);
    const code = message.readInt32LE(OUT_HEADER.at.error);
    if (code === abi.NOTIFY.INVAL_INODE) {
      const { at } = NOTIFY_INVAL_INODE_OUT;
      const nodeid = Number(body.readBigUInt64LE(at.ino));
      if (!this.#known.has(nodeid)) return -ENOENT;
      this.#attributes.delete(nodeid);
      this.#pages.drop(nodeid);
      this.#listings.delete(nodeid);
      this.#invalidations.set(nodeid, (this.#invalidations.get(nodeid) ?? 0) + 1);
    } else if (code === abi.NOTIFY.INVAL_ENTRY) {
      const { at, sizeBytes } = NOTIFY_INVAL_ENTRY_OUT;
      const parent = Number(body.readBigUInt64LE(at.parent));
      const length = body.readUInt32LE(at.namelen);
      if ((body.readUInt32LE(at.flags) & abi.EXPIRE_ONLY) === 0) {
        this.ports.violation("well-formed", "INVAL_ENTRY detaches what is below it");
      }
      const name = body.toString("latin1", sizeBytes, sizeBytes + length);
      if (!this.#names.delete(`${parent}/${name}`)) return -ENOENT;
    } else {
      this.ports.violation("well-formed", `notification ${code}`);
    }
    return message.length;
  }

  stat(path: string): Promise<Outcome<Node>> {
    return this.#retried(path, (node) => this.#getattr(node));
  }

  /** Names without `.` and `..`, sorted. */
  async list(path: string): Promise<Outcome<readonly string[]>> {
    return this.#retried(path, async (node) => {
      if (!node.isDirectory) return { errno: ENOTDIR };
      const kept = this.#listings.get(node.nodeid);
      return kept === undefined ? this.#readDirectory(path, node) : { ok: kept };
    });
  }

  open(path: string): Promise<Outcome<FileHandle>> {
    return this.#retried(path, async (node) => {
      if (node.isDirectory) return { errno: EISDIR };
      const { errno, body } = await this.#connection.ask("OPEN", node.nodeid, [u32(0), u32(0)]);
      if (errno !== 0) return { errno };
      const flags = body.readUInt32LE(OPEN_OUT.at.open_flags);
      const fh = Number(body.readBigUInt64LE(OPEN_OUT.at.fh));
      if ((flags & abi.FOPEN_KEEP_CACHE) === 0) this.#pages.drop(node.nodeid);
      const handle = { fh, path, node, flags, readsUnderWay: 0, idle: undefined };
      this.handles.add(handle);
      return { ok: handle };
    });
  }

  /** read(2), through the page cache unless the handle leaves it out. */
  async read(
    handle: FileHandle,
    offsetBytes: number,
    lengthBytes: number,
  ): Promise<Outcome<Uint8Array>> {
    if ((handle.flags & abi.FOPEN_DIRECT_IO) !== 0) {
      return await this.readDirect(handle, offsetBytes, lengthBytes);
    }
    using _ = this.#keepOpen(handle);
    const { nodeid } = handle.node;
    const attributes = await this.#getattr(handle.node);
    if ("errno" in attributes) return attributes;
    const end = Math.min(offsetBytes + lengthBytes, attributes.ok.sizeBytes);
    if (offsetBytes >= end) return { ok: new Uint8Array(0) };
    const last = Math.floor((end - 1) / PAGE_BYTES);
    const bytes = new Uint8Array(end - offsetBytes);
    for (let number = Math.floor(offsetBytes / PAGE_BYTES); number <= last; ) {
      const page = this.#pages.page(nodeid, number);
      if (page === undefined) {
        // Dropped before it is looked at again: read again, as the kernel does.
        const errno = await this.#fill(handle, number, last);
        if (errno !== 0) return { errno };
        continue;
      }
      const start = number * PAGE_BYTES;
      const from = Math.max(0, offsetBytes - start);
      const to = Math.min(page.bytes.byteLength, end - start);
      if (to > from) bytes.set(page.bytes.subarray(from, to), start + from - offsetBytes);
      number++;
    }
    return { ok: bytes };
  }

  /** read(2) past the page cache: the program is asked for what is asked for, the longest READ at once. */
  async readDirect(
    handle: FileHandle,
    offsetBytes: number,
    lengthBytes: number,
    onSent: (unique: number) => void = () => undefined,
  ): Promise<Outcome<Uint8Array>> {
    using _ = this.#keepOpen(handle);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < lengthBytes; ) {
      const wanted = Math.min(lengthBytes - at, READ_LIMIT_BYTES);
      const { result } = await this.#read(handle, offsetBytes + at, wanted, onSent);
      if ("errno" in result) return pieces.length > 0 ? { ok: Buffer.concat(pieces) } : result;
      pieces.push(result.ok);
      if (result.ok.byteLength < wanted) break;
      at += wanted;
    }
    return { ok: Buffer.concat(pieces) };
  }

  interrupt(unique: number): void {
    this.#connection.interrupt(unique);
  }

  async close(handle: FileHandle): Promise<void> {
    if (!this.handles.delete(handle)) return;
    const { fh, node, flags } = handle;
    if ((flags & abi.FOPEN_NOFLUSH) === 0) {
      await this.#connection.ask("FLUSH", node.nodeid, [u64(fh), u32(0), u32(0), u64(1)]);
    }
    await handle.idle?.promise;
    await this.#connection.ask("RELEASE", node.nodeid, [u64(fh), u32(0), u32(0), u64(0)]);
  }

  /** Until it is disposed, the handle is not released, though it may be closed. */
  #keepOpen(handle: FileHandle): Disposable {
    if (handle.readsUnderWay++ === 0) handle.idle = Promise.withResolvers();
    return {
      [Symbol.dispose]: () => {
        if (--handle.readsUnderWay === 0) handle.idle?.resolve();
      },
    };
  }

  /** Reads the page `first` and those missing after it, `last` at most. */
  async #fill(handle: FileHandle, first: number, last: number): Promise<number> {
    const { nodeid } = handle.node;
    const most = READ_LIMIT_BYTES / PAGE_BYTES;
    let end = first + 1;
    while (end <= last && end - first < most && !this.#pages.page(nodeid, end)) end++;
    const lengthBytes = (end - first) * PAGE_BYTES;
    const { result, unproved } = await this.#read(handle, first * PAGE_BYTES, lengthBytes);
    if ("errno" in result) return result.errno;
    this.#pages.fill(nodeid, first, result.ok, unproved ? handle : undefined);
    return 0;
  }

  async #read(
    handle: FileHandle,
    offsetBytes: number,
    lengthBytes: number,
    onSent: (unique: number) => void = () => undefined,
  ): Promise<{ readonly result: Outcome<Uint8Array>; readonly unproved: boolean }> {
    const { fh, node } = handle;
    const sent = this.ports.onReadSent(handle, offsetBytes, lengthBytes);
    onSent(this.#connection.nextUnique);
    const { errno, body } = await this.#connection.ask("READ", node.nodeid, [
      u64(fh),
      u64(offsetBytes),
      u32(lengthBytes),
      u32(0),
      u64(0),
      u32(0),
      u32(0),
    ]);
    const result = errno === 0 ? { ok: new Uint8Array(body) } : { errno };
    if (this.#connection.isGone) return { result: { errno: ENODEV }, unproved: false };
    if ("ok" in result) {
      const expected = Math.max(0, Math.min(lengthBytes, node.sizeBytes - offsetBytes));
      if (result.ok.byteLength !== expected) {
        const detail = `${result.ok.byteLength} bytes for ${expected} of ${handle.path}`;
        this.ports.violation("whole reads", detail);
      }
    }
    return { result, unproved: this.ports.onRead(sent, result) };
  }

  /** A path's walk and what follows, twice when the first one led to ESTALE. */
  async #retried<T>(path: string, work: (node: Node) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    for (let fresh = false; ; fresh = true) {
      const found = await this.#walk(path, fresh);
      const result = "errno" in found ? found : await work(found.ok);
      if (fresh || !("errno" in result) || result.errno !== ESTALE) return result;
    }
  }

  async #walk(path: string, fresh: boolean): Promise<Outcome<Node>> {
    let node: Node = {
      nodeid: ROOT,
      inode: ROOT,
      sizeBytes: 0,
      mtimeSec: 0,
      mtimeNsec: 0,
      isDirectory: true,
    };
    let walked = "";
    for (const name of path.split("/").filter(Boolean)) {
      if (!node.isDirectory) return { errno: ENOTDIR };
      walked = walked === "" ? name : `${walked}/${name}`;
      const next = await this.#lookup(node.nodeid, name, walked, fresh);
      if ("errno" in next) return next;
      node = next.ok;
    }
    return { ok: node };
  }

  async #lookup(
    parent: number,
    name: string,
    path: string,
    fresh: boolean,
  ): Promise<Outcome<Node>> {
    const kept = this.#names.get(`${parent}/${name}`);
    if (!fresh && kept !== undefined && kept.validMs > this.ports.clock.monotonicMs()) {
      return kept.node === undefined ? { errno: ENOENT } : { ok: kept.node };
    }
    const asked = [named(Buffer.from(name, "latin1"))];
    const { errno, body } = await this.#connection.ask("LOOKUP", parent, asked);
    if (errno !== 0) return { errno };
    const entry = entryAt(body);
    this.#takeEntry(parent, name, path, entry);
    return entry.node === undefined ? { errno: ENOENT } : { ok: entry.node };
  }

  #takeEntry(
    parent: number,
    name: string,
    path: string,
    { node, nameValidMs, attributesValidMs }: Entry,
  ): void {
    this.ports.onName(path, node);
    const nowMs = this.ports.clock.monotonicMs();
    const key = `${parent}/${name}`;
    if (nameValidMs > 0) this.#names.set(key, { node, validMs: nowMs + nameValidMs });
    else this.#names.delete(key);
    if (node === undefined) return;
    this.#attributes.set(node.nodeid, { node, validMs: nowMs + attributesValidMs });
    if (this.#known.has(node.nodeid)) return;
    this.#known.add(node.nodeid);
    this.ports.onNode(path, node);
  }

  async #getattr({ nodeid }: Node): Promise<Outcome<Node>> {
    const kept = this.#attributes.get(nodeid);
    if (kept !== undefined && kept.validMs > this.ports.clock.monotonicMs()) {
      return { ok: kept.node };
    }
    const parts = [u32(0), u32(0), u64(0)];
    const { errno, body } = await this.#connection.ask("GETATTR", nodeid, parts);
    if (errno !== 0) return { errno };
    const node = { nodeid, ...attributesAt(body, ATTR_OUT.at.attr) };
    const validForMs = Number(body.readBigUInt64LE(ATTR_OUT.at.attr_valid)) * 1000;
    const validMs = this.ports.clock.monotonicMs() + validForMs;
    this.#attributes.set(nodeid, { node, validMs });
    return { ok: node };
  }

  async #readDirectory(path: string, { nodeid }: Node): Promise<Outcome<readonly string[]>> {
    if (!this.#noOpendir) {
      const { errno } = await this.#connection.ask("OPENDIR", nodeid, [u32(0), u32(0)]);
      if (this.#connection.isGone) return { errno };
      if (errno !== ENOSYS) this.ports.violation("well-formed", `OPENDIR: ${errnoName(errno)}`);
      this.#noOpendir = true;
    }
    const before = this.#invalidations.get(nodeid) ?? 0;
    const names: string[] = [];
    for (let offset = 0n; ; ) {
      const parts = [u64(0), u64(offset), u32(LISTING_BYTES), u32(0), u64(0), u32(0), u32(0)];
      const { errno, body } = await this.#connection.ask("READDIRPLUS", nodeid, parts);
      if (errno !== 0) return { errno };
      if (body.length === 0) break;
      for (const { name, offset: next, entry } of directoryEntries(body)) {
        offset = next;
        if (name === "." || name === "..") continue;
        names.push(name);
        this.#takeEntry(nodeid, name, path === "" ? name : `${path}/${name}`, entry);
      }
    }
    names.sort();
    this.ports.onListed(path, names);
    if (new Set(names).size !== names.length) {
      this.ports.violation("well-formed", `${path} lists a name twice: ${names.join(" ")}`);
    }
    if ((this.#invalidations.get(nodeid) ?? 0) === before) this.#listings.set(nodeid, names);
    return { ok: names };
  }
}
