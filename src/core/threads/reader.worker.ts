/**
 * A reader thread: waits for disks so that nobody else has to. It takes jobs from the shared queue,
 * answers the kernel itself, and gives what failed to the main thread.
 */

import { finishReply, openReply, REPLY_BODY } from "../fuse/reply.ts";
import { MAX_READ_BYTES, READER_THREADS } from "../limits.ts";
import { Disk } from "../origins/disk/disk.ts";
import { serveDiskRequest } from "../origins/disk/protocol.ts";
import { libc } from "../sys/libc.ts";
import { Memory } from "../sys/memory.ts";
import type { Deferred, LocalFailure } from "../vfs/deferred.ts";
import { HANDLE_KNOWN_TO_MAIN } from "../vfs/handles.ts";
import { CHANGED, LocalFiles } from "../vfs/local_files.ts";
import { LOCAL_OPEN_FLAGS } from "../vfs/open_files.ts";
import { readCallPayload } from "./disk_calls.ts";
import { emptyJob, JOB, type Job } from "./job_queue.ts";
import { readOpenPayload } from "./queued_readers.ts";
import { type SharedBuffers, SharedState } from "./shared_state.ts";
import { workerChannel } from "./worker_scope.ts";

export interface ReaderStart {
  readonly shared: SharedBuffers;
  /** The mounted connection; -1 in a process that only scans. */
  readonly fuseFd: number;
}

export type ReaderMessage =
  | { readonly kind: "deferred"; readonly deferred: Deferred }
  | { readonly kind: "result"; readonly id: number; readonly result: Uint8Array }
  | { readonly kind: "ended" };

/** No origin holds more than half of the readers. */
const PER_ORIGIN = Math.floor(READER_THREADS / 2);

const channel = workerChannel<ReaderStart, ReaderMessage>();

class Reader {
  readonly #state: SharedState;
  readonly #sys = libc();
  readonly #local: LocalFiles;
  readonly #reply = new Memory(REPLY_BODY + MAX_READ_BYTES);
  readonly #disks = new Map<string, Disk>();

  constructor(readonly start: ReaderStart) {
    this.#state = new SharedState(start.shared);
    this.#local = new LocalFiles(this.#sys, this.#state.handles);
  }

  run(): void {
    const job = emptyJob();
    const { jobs } = this.#state;
    while (jobs.wait(job, PER_ORIGIN)) {
      try {
        this.#do(job);
      } finally {
        jobs.finish(job.origin);
      }
    }
    for (const disk of this.#disks.values()) disk.close();
    channel.post({ kind: "ended" });
  }

  #do(job: Job): void {
    switch (job.kind) {
      case JOB.open:
        this.#open(job);
        break;
      case JOB.read:
        this.#read(job);
        break;
      case JOB.call:
        this.#call(job);
        break;
    }
  }

  #open(job: Job): void {
    const { handles, routing } = this.#state;
    const { path, token } = readOpenPayload(job.payload);
    const expected = { sizeBytes: job.offsetBytes, token };
    const rootFd = routing.rootFd(job.origin);
    const epoch = job.fd;
    const fd = this.#local.open(job.fh, job.origin, rootFd, path, expected, epoch, false);
    if (fd >= 0) {
      const opened = { fh: job.fh, flags: LOCAL_OPEN_FLAGS, backingId: 0 };
      this.#send(openReply(this.#reply, job.unique, opened));
      return;
    }
    handles.setFlag(job.fh, HANDLE_KNOWN_TO_MAIN);
    const version = handles.version(job.fh);
    const failure = failureOf(job.origin, fd);
    defer({ kind: "open", unique: job.unique, version, fh: job.fh, failure });
  }

  #read(job: Job): void {
    const { handles, routing, seams, latencies } = this.#state;
    const { fh, fd, origin, offsetBytes, lengthBytes, unique } = job;
    const startedMs = performance.now();
    const read = this.#local.read(fh, fd, offsetBytes, lengthBytes, this.#reply, REPLY_BODY);
    if (read >= 0) {
      this.#send(finishReply(this.#reply, unique, read));
      latencies.add(origin, performance.now() - startedMs);
      routing.count(origin, "reads", 1);
      routing.count(origin, "bytes", read);
      const served = this.#reply.bytes.subarray(REPLY_BODY, REPLY_BODY + read);
      seams.record(handles, fh, offsetBytes, served);
      return;
    }
    handles.setFlag(fh, HANDLE_KNOWN_TO_MAIN);
    const failure = failureOf(origin, read);
    defer({ kind: "read", unique, fh, offsetBytes, lengthBytes, pid: 0, failure });
  }

  #call(job: Job): void {
    const { root, request } = readCallPayload(job.payload);
    let disk = this.#disks.get(root);
    if (disk === undefined) {
      disk = new Disk(root);
      this.#disks.set(root, disk);
    }
    const result = serveDiskRequest(disk, request);
    channel.post({ kind: "result", id: job.unique, result }, [result.buffer]);
  }

  #send(lengthBytes: number): void {
    // ENOENT: the caller was killed meanwhile. ENODEV: the mount is gone. Neither needs us.
    this.#sys.write(this.start.fuseFd, this.#reply.address, lengthBytes);
  }
}

function failureOf(origin: number, result: number): LocalFailure {
  return { origin, reason: result === CHANGED ? "changed" : -result };
}

function defer(deferred: Deferred): void {
  channel.post({ kind: "deferred", deferred });
}

channel.onMessage((start) => new Reader(start).run());
