/**
 * What a reader thread does with its jobs: it waits for disks so that nobody else has to, answers the
 * kernel itself, and gives what failed to the main thread. Where jobs come from is its owner's affair.
 */

import { toBytes } from "../bytes.ts";
import { finishReply, openReply, REPLY_BODY } from "../fuse/reply.ts";
import { DISK_IDLE_MS, MAX_READ_BYTES, OPEN_FETCH_BYTES } from "../limits.ts";
import { Disk } from "../origins/disk/disk.ts";
import { serveDiskRequest } from "../origins/disk/protocol.ts";
import { POSIX_FADV_WILLNEED } from "../sys/arch.ts";
import type { Syscalls } from "../sys/libc.ts";
import { Memory } from "../sys/memory.ts";
import type { Defer, LocalFailure } from "../vfs/deferred.ts";
import { HANDLE_KNOWN_TO_MAIN } from "../vfs/handles.ts";
import { CHANGED, LocalFiles } from "../vfs/local_files.ts";
import { LOCAL_OPEN_FLAGS } from "../vfs/open_files.ts";
import { readCallPayload } from "./disk_calls.ts";
import { JOB, type Job } from "./job_queue.ts";
import { QueuedReaders, readHeadsPayload, readOpenPayload } from "./queued_readers.ts";
import type { SharedState } from "./shared_state.ts";

export interface ReaderPorts {
  readonly state: SharedState;
  readonly syscalls: Syscalls;
  /** Writes a finished reply to the kernel; `reply` is used again once it returns. */
  readonly reply: (reply: Memory, lengthBytes: number) => void;
  readonly defer: Defer;
  /** An origin's first sample since the last were collected is in the latency rings. */
  readonly onMeasured: () => void;
  /** The result of a disk request, which is the receiver's, under the number it was asked by. */
  readonly onResult: (id: number, result: Uint8Array<ArrayBuffer>) => void;
}

interface UsedDisk {
  readonly disk: Disk;
  /** It may hold descriptors. */
  isOpen: boolean;
  /** Monotonic, when its last call ended. */
  lastMs: number;
}

export class Reader implements Disposable {
  readonly #local: LocalFiles;
  readonly #queue: QueuedReaders;
  readonly #reply = new Memory(REPLY_BODY + MAX_READ_BYTES);
  /** By the origin's row in the routing table. */
  readonly #disks = new Map<number, UsedDisk>();

  constructor(readonly ports: ReaderPorts) {
    this.#local = new LocalFiles(ports.syscalls, ports.state.handles);
    this.#queue = new QueuedReaders(ports.state.jobs);
  }

  /** Does one job; blocks as long as its disk does. */
  do(job: Job): void {
    switch (job.kind) {
      case JOB.open:
        this.#open(job);
        break;
      case JOB.read:
        this.#read(job);
        break;
      case JOB.fetchHeads:
        this.#fetchHeads(job);
        break;
      case JOB.call:
        this.#call(job);
        break;
    }
  }

  /**
   * Closes disks that were not used for DISK_IDLE_MS, those of origins that are gone among them.
   * Answers after how many milliseconds there is more to close; Infinity when nothing is open.
   */
  restDisks(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const used of this.#disks.values()) {
      if (!used.isOpen) continue;
      const leftMs = used.lastMs + DISK_IDLE_MS - nowMs;
      if (leftMs > 0) {
        nextMs = Math.min(nextMs, leftMs);
        continue;
      }
      used.disk.rest();
      used.isOpen = false;
    }
    return nextMs;
  }

  [Symbol.dispose](): void {
    for (const { disk } of this.#disks.values()) disk.release();
    this.#disks.clear();
  }

  #open(job: Job): void {
    const { state, reply, defer } = this.ports;
    const { handles, routing } = state;
    const { path, token } = readOpenPayload(job.payload);
    const expected = { sizeBytes: job.offsetBytes, token };
    const rootFd = routing.rootFd(job.origin);
    const epoch = job.fd;
    const fd = this.#local.open(job.fh, job.origin, rootFd, path, expected, epoch, false);
    if (fd >= 0) {
      this.#fetchHead(fd, job.origin, expected.sizeBytes);
      const opened = { fh: job.fh, flags: LOCAL_OPEN_FLAGS, backingId: 0 };
      reply(this.#reply, openReply(this.#reply, job.unique, opened));
      return;
    }
    handles.setFlag(job.fh, HANDLE_KNOWN_TO_MAIN);
    const version = handles.version(job.fh);
    const failure = failureOf(job.origin, fd);
    const open = { unique: job.unique, version, fh: job.fh, backingId: 0 };
    defer({ kind: "open", ...open, failure });
  }

  /**
   * Who opens a file reads its head next. Fetched into the page cache now, those reads are answered by
   * the FUSE thread, without the way to a reader and back. An error is left to them.
   */
  #fetchHead(fd: number, origin: number, sizeBytes: number): void {
    const length = Math.min(sizeBytes, OPEN_FETCH_BYTES);
    if (length === 0) return;
    const startedMs = performance.now();
    const read = this.ports.syscalls.pread(fd, this.#reply.address, length, 0);
    if (read > 0) this.#measured(origin, performance.now() - startedMs);
  }

  /**
   * Has the kernel read ahead, waiting for none of it, so that the disk has several reads to choose from.
   * Somebody who waits for this disk goes before; what cannot be opened is left to who asks for it.
   */
  #fetchHeads({ origin, payload }: Job): void {
    const { state, syscalls } = this.ports;
    const rootFd = state.routing.rootFd(origin);
    const paths = readHeadsPayload(payload);
    for (const [index, path] of paths.entries()) {
      if (rootFd < 0) return;
      if (state.jobs.isAwaited(origin)) {
        this.#queue.fetchHeads(origin, paths.slice(index));
        return;
      }
      const fd = this.#local.openToFetch(rootFd, toBytes(path));
      if (fd < 0) continue;
      syscalls.fadvise(fd, 0, OPEN_FETCH_BYTES, POSIX_FADV_WILLNEED);
      syscalls.close(fd);
    }
  }

  #measured(origin: number, durationMs: number): void {
    if (this.ports.state.latencies.add(origin, durationMs)) this.ports.onMeasured();
  }

  #read(job: Job): void {
    const { state, reply, defer } = this.ports;
    const { handles, routing, seams, served } = state;
    const { fh, fd, origin, offsetBytes, lengthBytes, unique } = job;
    const startedMs = performance.now();
    const read = this.#local.read(fh, fd, offsetBytes, lengthBytes, this.#reply, REPLY_BODY);
    if (read >= 0) {
      reply(this.#reply, finishReply(this.#reply, unique, read));
      this.#measured(origin, performance.now() - startedMs);
      routing.count(origin, "reads", 1);
      routing.count(origin, "bytes", read);
      const bytes = this.#reply.bytes.subarray(REPLY_BODY, REPLY_BODY + read);
      seams.record(handles, fh, offsetBytes, bytes);
      served.add(handles.version(fh), origin, read);
      return;
    }
    handles.setFlag(fh, HANDLE_KNOWN_TO_MAIN);
    const failure = failureOf(origin, read);
    defer({ kind: "read", unique, fh, offsetBytes, lengthBytes, pid: 0, failure });
  }

  #call(job: Job): void {
    const { root, request } = readCallPayload(job.payload);
    const used = this.#diskOf(job.origin, root);
    used.isOpen = true;
    this.ports.onResult(job.unique, serveDiskRequest(used.disk, request));
    used.lastMs = performance.now();
  }

  /** A row may have come to be another origin's. */
  #diskOf(origin: number, root: string): UsedDisk {
    const known = this.#disks.get(origin);
    if (known?.disk.rootPath === root) return known;
    known?.disk.release();
    const disk = new Disk(root, { syscalls: this.ports.syscalls });
    const used = { disk, isOpen: false, lastMs: 0 };
    this.#disks.set(origin, used);
    return used;
  }
}

function failureOf(origin: number, result: number): LocalFailure {
  return { origin, reason: result === CHANGED ? "changed" : -result };
}
