/**
 * OPEN, READ and RELEASE as the FUSE thread sees them.
 *
 * The way of a READ: descriptor bound and routing order unchanged since -> page cache; order changed
 * but the same origin is still first -> the same; bytes not in the page cache -> a reader thread;
 * anything else -> the main thread's federation.
 */

import { type BytePath, toBytes } from "../bytes.ts";
import type { CatalogReader, KnownFile, Replica } from "../catalog/catalog.ts";
import { FOPEN_KEEP_CACHE, FOPEN_NOFLUSH, FOPEN_PASSTHROUGH } from "../fuse/abi.ts";
import { DEFERRED, type OpenedFile, type RequestContext, type Result } from "../fuse/filesystem.ts";
import { EBADF, ENFILE, ESTALE } from "../sys/errno.ts";
import type { Syscalls } from "../sys/libc.ts";
import type { Memory } from "../sys/memory.ts";
import type { Defer, LocalFailure } from "./deferred.ts";
import {
  HANDLE_HAS_REPLICAS,
  HANDLE_KNOWN_TO_MAIN,
  HANDLE_WORTH_FINGERPRINT,
  type HandleTable,
} from "./handles.ts";
import { CHANGED, LocalFiles, WOULD_WAIT } from "./local_files.ts";
import { fileNode, versionOf } from "./nodeid.ts";
import { OpenAhead } from "./open_ahead.ts";
import type { Passthrough } from "./passthrough.ts";
import type { RoutingTable } from "./routing_table.ts";
import type { SeamPool } from "./seams.ts";
import type { ServedReads } from "./served_reads.ts";
import { StoredFiles, type Tell } from "./stored_files.ts";

/** The reader threads. False: their queue is full, nothing was taken. */
export interface Readers {
  open(unique: number, fh: number, origin: number, epoch: number, replica: Replica): boolean;
  read(
    unique: number,
    fh: number,
    origin: number,
    fd: number,
    offsetBytes: number,
    lengthBytes: number,
  ): boolean;
  /** Fetches the heads of these files, if nothing else is to be done; nobody waits for it. */
  fetchHeads(origin: number, paths: readonly BytePath[]): void;
}

/** Share of a file's bytes after which its replicas are worth comparing. */
const WORTH_FINGERPRINT_SHARE = 1 / 3;

/** What OPEN answers for a file whose descriptor we hold: nothing of it is ever flushed. */
export const LOCAL_OPEN_FLAGS = FOPEN_KEEP_CACHE | FOPEN_NOFLUSH;

/** The kernel refuses FOPEN_KEEP_CACHE beside it: there is no cache of ours to keep. */
export const PASSED_OPEN_FLAGS = FOPEN_PASSTHROUGH | FOPEN_NOFLUSH;

export interface OpenFilesPorts {
  readonly catalog: CatalogReader;
  readonly routing: RoutingTable;
  readonly handles: HandleTable;
  readonly seams: SeamPool;
  readonly served: ServedReads;
  readonly syscalls: Syscalls;
  readonly readers: Readers;
  readonly defer: Defer;
  /** Absent: the kernel is given nothing that it did not ask for. */
  readonly tell?: Tell;
  /** Absent: nothing is passed through, ever. */
  readonly passthrough?: Passthrough;
  /** Whether local files are passed through, too. Default: only what the main thread decides on. */
  readonly passLocal?: boolean;
}

export class OpenFiles {
  readonly #local: LocalFiles;
  readonly #ahead: OpenAhead;
  readonly #stored: StoredFiles | undefined;

  constructor(readonly ports: OpenFilesPorts) {
    this.#local = new LocalFiles(ports.syscalls, ports.handles);
    this.#ahead = new OpenAhead(ports.catalog);
    const { tell, handles } = ports;
    this.#stored = tell && new StoredFiles(handles, this.#local, tell);
  }

  open(context: RequestContext, nodeid: number, out: OpenedFile): Result {
    const { catalog, handles, routing, seams, passthrough } = this.ports;
    const version = versionOf(nodeid);
    // What may throw comes before a handle is taken.
    const guessed = this.#ahead.take(version);
    const file = guessed ?? catalog.knownFile(version);
    if (file === undefined) return -ESTALE;
    const { replicas } = file;
    const fh = handles.allocate(version, file.sizeBytes);
    if (fh < 0) return -ENFILE;
    seams.claim(handles, fh);
    if (replicas.some(({ match }) => match === "unverified")) {
      handles.setFlag(fh, HANDLE_HAS_REPLICAS);
    }
    const epoch = routing.epoch;
    const best = this.#first(replicas);
    const origin = best === undefined ? -1 : routing.indexOf(best.origin);
    const rootFd = origin < 0 ? -1 : routing.rootFd(origin);
    let failure: LocalFailure | undefined;
    const isMains = passthrough?.isMains(nodeid) ?? false;
    if (best !== undefined && rootFd >= 0 && !isMains) {
      // A file that may be passed through is opened here even from a disk, since only this thread
      // knows the mode of each node.
      const cachedOnly = this.ports.passLocal !== true;
      const path = toBytes(best.path);
      const fd = this.#local.open(fh, origin, rootFd, path, best.originVersion, epoch, cachedOnly);
      if (fd >= 0) {
        this.#opened(nodeid, fh, fd, out);
        if (guessed !== undefined) {
          const given = out.backingId > 0 ? undefined : this.#stored?.store(nodeid, fh, fd);
          if (given !== undefined) this.#served(fh, 0, given);
          this.#fetch(this.#ahead.following());
        }
        return 0;
      }
      if (fd === WOULD_WAIT) {
        const next = this.#ahead.waited(file);
        if (this.ports.readers.open(context.unique, fh, origin, epoch, best)) {
          passthrough?.opened(nodeid, fh, -1);
          this.#fetch(next);
          return DEFERRED;
        }
      } else {
        failure = { origin, reason: fd === CHANGED ? "changed" : -fd };
      }
    }
    handles.setFlag(fh, HANDLE_KNOWN_TO_MAIN);
    const backingId = passthrough?.handedOver(nodeid, fh) ?? 0;
    const deferred = { kind: "open", unique: context.unique, version, fh, backingId } as const;
    this.ports.defer(failure === undefined ? deferred : { ...deferred, failure });
    return DEFERRED;
  }

  read(
    context: RequestContext,
    fh: number,
    offsetBytes: number,
    lengthBytes: number,
    into: Memory,
    intoOffset: number,
  ): Result {
    const { handles } = this.ports;
    if (!handles.isOpen(fh)) return -EBADF;
    const length = Math.min(lengthBytes, handles.sizeBytes(fh) - offsetBytes);
    if (length <= 0) return 0;
    const fd = handles.fd(fh);
    let failure: LocalFailure | undefined;
    if (fd >= 0 && this.#stillFirst(fh)) {
      const origin = handles.origin(fh);
      const read = this.#local.readCached(fh, fd, offsetBytes, length, into, intoOffset);
      if (read >= 0) {
        this.#served(fh, offsetBytes, into.bytes.subarray(intoOffset, intoOffset + read));
        return read;
      }
      if (read === WOULD_WAIT) {
        this.#countServed(fh, length);
        const { readers } = this.ports;
        if (readers.read(context.unique, fh, origin, fd, offsetBytes, length)) return DEFERRED;
      } else {
        failure = { origin, reason: read === CHANGED ? "changed" : -read };
      }
    }
    handles.setFlag(fh, HANDLE_KNOWN_TO_MAIN);
    if (context.pid > 0) handles.readBegun(fh);
    this.#countServed(fh, length);
    this.ports.defer({
      kind: "read",
      unique: context.unique,
      fh,
      offsetBytes,
      lengthBytes: length,
      pid: context.pid,
      ...(failure === undefined ? {} : { failure }),
    });
    return DEFERRED;
  }

  flush(fh: number): void {
    const { handles, defer } = this.ports;
    if (handles.isOpen(fh) && handles.isRead(fh)) defer({ kind: "flush", fh });
  }

  release(nodeid: number, fh: number): void {
    const { handles, seams, syscalls, passthrough } = this.ports;
    if (!handles.isOpen(fh)) return;
    passthrough?.released(nodeid, fh);
    seams.release(handles, fh);
    const fd = handles.fd(fh);
    if (fd >= 0) syscalls.close(fd);
    const known = handles.hasFlag(fh, HANDLE_KNOWN_TO_MAIN);
    handles.free(fh);
    if (known) this.ports.defer({ kind: "release", fh });
  }

  #opened(nodeid: number, fh: number, fd: number, out: OpenedFile): void {
    out.fh = fh;
    out.flags = LOCAL_OPEN_FLAGS;
    const { passthrough, passLocal } = this.ports;
    out.backingId = passthrough?.opened(nodeid, fh, passLocal ? fd : -1) ?? 0;
    if (out.backingId > 0) out.flags = PASSED_OPEN_FLAGS;
  }

  /** Has the heads of these files fetched where they would be read from, if that is a local disk. */
  #fetch(files: readonly KnownFile[]): void {
    const { routing, readers } = this.ports;
    const byOrigin = new Map<number, BytePath[]>();
    for (const { replicas } of files) {
      const best = this.#first(replicas);
      const origin = best === undefined ? -1 : routing.indexOf(best.origin);
      if (best === undefined || origin < 0 || routing.rootFd(origin) < 0) continue;
      const paths = byOrigin.get(origin) ?? [];
      paths.push(best.path);
      byOrigin.set(origin, paths);
    }
    for (const [origin, paths] of byOrigin) readers.fetchHeads(origin, paths);
  }

  /** The replica that the next read of this very version goes to, if that is known here. */
  #first(replicas: readonly Replica[]): Replica | undefined {
    const { routing } = this.ports;
    let best: Replica | undefined;
    let bestRank = Number.POSITIVE_INFINITY;
    for (const replica of replicas) {
      if (replica.match !== "proved") continue;
      const index = routing.indexOf(replica.origin);
      if (index < 0 || !routing.usable(index)) continue;
      const rank = routing.rank(index);
      if (rank >= bestRank) continue;
      best = replica;
      bestRank = rank;
    }
    return best;
  }

  /** True while the origin that the handle's descriptor belongs to is the one to read from. */
  #stillFirst(fh: number): boolean {
    const { handles, routing, catalog } = this.ports;
    const epoch = routing.epoch;
    if (handles.epoch(fh) === epoch) return true;
    const origin = handles.origin(fh);
    const first = this.#first(catalog.replicas(handles.version(fh)));
    if (first === undefined || routing.indexOf(first.origin) !== origin) return false;
    handles.setEpoch(fh, epoch);
    return true;
  }

  #served(fh: number, offsetBytes: number, bytes: Uint8Array): void {
    const { handles, routing, seams, served } = this.ports;
    const origin = handles.origin(fh);
    const length = bytes.byteLength;
    seams.record(handles, fh, offsetBytes, bytes);
    routing.count(origin, "reads", 1);
    routing.count(origin, "bytes", length);
    served.add(handles.version(fh), origin, length);
    this.#countServed(fh, length);
  }

  #countServed(fh: number, bytes: number): void {
    const { handles, defer } = this.ports;
    if (!handles.hasFlag(fh, HANDLE_HAS_REPLICAS)) return;
    if (handles.hasFlag(fh, HANDLE_WORTH_FINGERPRINT)) return;
    const served = handles.addServed(fh, bytes);
    if (served < handles.sizeBytes(fh) * WORTH_FINGERPRINT_SHARE) return;
    handles.setFlag(fh, HANDLE_WORTH_FINGERPRINT);
    defer({ kind: "fingerprint", version: handles.version(fh) });
  }
}

/** The nodeid under which a handle was opened. */
export function nodeOfHandle(handles: HandleTable, fh: number): number {
  return fileNode(handles.version(fh));
}
