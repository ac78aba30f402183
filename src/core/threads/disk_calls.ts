/**
 * Requests of the disk protocol from the main thread to the reader threads: the transport of local
 * origins, whose system calls must not block the event loop.
 */

import { OwnError } from "../errors.ts";
import { emptyJob, JOB, type JobQueue, MAX_PAYLOAD_BYTES } from "./job_queue.ts";

const ROOT_LENGTH_BYTES = 2;

/** Calls of one origin that wait for room in its ring; beyond it the origin is overloaded. */
const MAX_WAITING = 4096;

interface Pending {
  readonly resolve: (result: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

interface Waiting {
  readonly id: number;
  readonly origin: number;
  readonly payload: Uint8Array;
}

/** Main thread's end. Results come back by `settle`, from the readers' messages. */
export class DiskCalls {
  readonly #job = emptyJob();
  readonly #pending = new Map<number, Pending>();
  readonly #waiting: Waiting[] = [];
  #nextId = 1;

  constructor(readonly jobs: JobQueue) {}

  /**
   * Sends a request for the disk rooted at `root` to a reader thread. Rejects with `cancelled` when
   * the signal aborts; the system call under way cannot be stopped, its result is dropped.
   */
  call(
    origin: number,
    root: string,
    request: Uint8Array,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const payload = callPayload(root, request);
    if (payload.byteLength > MAX_PAYLOAD_BYTES) {
      return Promise.reject(new OwnError("internal", "a disk request is too long to be queued"));
    }
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new OwnError("busy", "too many requests wait for a local disk"));
    }
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const abort = () => {
      this.#pending.delete(id);
      reject(new OwnError("cancelled", "cancelled", { cause: signal?.reason }));
    };
    if (signal?.aborted) {
      abort();
      return promise;
    }
    signal?.addEventListener("abort", abort, { once: true });
    const settled = () => signal?.removeEventListener("abort", abort);
    this.#pending.set(id, {
      resolve: (result) => {
        settled();
        resolve(result);
      },
      reject: (error) => {
        settled();
        reject(error);
      },
    });
    this.#waiting.push({ id, origin, payload });
    this.#push();
    return promise;
  }

  settle(id: number, result: Uint8Array): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.resolve(result);
    this.#push();
  }

  /** Rejects everything that was not answered. */
  close(): void {
    this.#waiting.length = 0;
    for (const pending of this.#pending.values()) {
      pending.reject(new OwnError("cancelled", "the reader threads have ended"));
    }
    this.#pending.clear();
  }

  /** Calls that were not answered yet, for leak checks. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Moves what waits into the rings; an origin whose ring is full does not hold up the others. */
  #push(): void {
    const full = new Set<number>();
    for (let i = 0; i < this.#waiting.length; ) {
      const next = this.#waiting[i];
      if (next === undefined) break;
      if (!this.#pending.has(next.id)) {
        this.#waiting.splice(i, 1);
      } else if (full.has(next.origin) || !this.#pushOne(next)) {
        full.add(next.origin);
        i++;
      } else {
        this.#waiting.splice(i, 1);
      }
    }
  }

  #pushOne({ id, origin, payload }: Waiting): boolean {
    const job = this.#job;
    job.kind = JOB.call;
    job.unique = id;
    job.origin = origin;
    job.payload = payload;
    return this.jobs.push(job);
  }
}

function callPayload(root: string, request: Uint8Array): Uint8Array {
  const rootBytes = Buffer.from(root);
  const payload = Buffer.alloc(ROOT_LENGTH_BYTES + rootBytes.byteLength + request.byteLength);
  payload.writeUInt16LE(rootBytes.byteLength);
  payload.set(rootBytes, ROOT_LENGTH_BYTES);
  payload.set(request, ROOT_LENGTH_BYTES + rootBytes.byteLength);
  return payload;
}

/** The readers' end of a call's payload. */
export function readCallPayload(payload: Uint8Array): { root: string; request: Uint8Array } {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const end = ROOT_LENGTH_BYTES + view.getUint16(0, true);
  return {
    root: new TextDecoder().decode(payload.subarray(ROOT_LENGTH_BYTES, end)),
    request: payload.subarray(end),
  };
}
