/** The FUSE thread's way to the reader threads: jobs in the shared queue. */

import { type BytePath, pathFromBytes, toBytes } from "../bytes.ts";
import type { Replica } from "../catalog/catalog.ts";
import type { OriginVersion } from "../origins/origin.ts";
import type { Readers } from "../vfs/open_files.ts";
import { emptyJob, JOB, type JobQueue, MAX_PAYLOAD_BYTES } from "./job_queue.ts";

const EMPTY = new Uint8Array(0);
/** Neither a path nor a name nor a token holds it. */
const SEPARATOR = 0;

export class QueuedReaders implements Readers {
  readonly #job = emptyJob();

  constructor(readonly jobs: JobQueue) {}

  open(unique: number, fh: number, origin: number, epoch: number, replica: Replica): boolean {
    const job = this.#job;
    job.kind = JOB.open;
    job.unique = unique;
    job.fh = fh;
    job.origin = origin;
    job.fd = epoch;
    job.offsetBytes = replica.originVersion.sizeBytes;
    job.payload = openPayload(replica.path, replica.originVersion);
    return this.jobs.push(job);
  }

  read(
    unique: number,
    fh: number,
    origin: number,
    fd: number,
    offsetBytes: number,
    lengthBytes: number,
  ): boolean {
    const job = this.#job;
    job.kind = JOB.read;
    job.unique = unique;
    job.fh = fh;
    job.origin = origin;
    job.fd = fd;
    job.offsetBytes = offsetBytes;
    job.lengthBytes = lengthBytes;
    job.payload = EMPTY;
    return this.jobs.push(job);
  }

  fetchHeads(origin: number, paths: readonly BytePath[]): void {
    const job = this.#job;
    job.kind = JOB.fetchHeads;
    job.unique = 0;
    job.fh = -1;
    job.origin = origin;
    job.payload = headsPayload(paths);
    this.jobs.push(job);
  }
}

function openPayload(path: BytePath, version: OriginVersion): Uint8Array {
  return Buffer.concat([toBytes(path), Buffer.of(SEPARATOR), Buffer.from(version.token)]);
}

/** As many of the paths as there is room for. */
function headsPayload(paths: readonly BytePath[]): Uint8Array {
  let count = 0;
  let size = -1;
  for (const path of paths) {
    size += path.length + 1;
    if (size > MAX_PAYLOAD_BYTES) break;
    count++;
  }
  return toBytes(paths.slice(0, count).join("\0") as BytePath);
}

/** The other side of a fetchHeads job's payload: paths below the origin's root. */
export function readHeadsPayload(payload: Uint8Array): readonly BytePath[] {
  return pathFromBytes(payload).split("\0") as BytePath[];
}

/** The other side of an open job's payload. */
export function readOpenPayload(payload: Uint8Array): { path: Uint8Array; token: string } {
  const end = payload.indexOf(SEPARATOR);
  return {
    path: payload.subarray(0, end),
    token: new TextDecoder().decode(payload.subarray(end + 1)),
  };
}
