/** A reader thread: takes jobs from the shared queue until that is stopped. */

import { READER_THREADS } from "../limits.ts";
import { libc } from "../sys/libc.ts";
import type { Deferred } from "../vfs/deferred.ts";
import { emptyJob, JOB } from "./job_queue.ts";
import { Reader } from "./reader.ts";
import { type SharedBuffers, SharedState } from "./shared_state.ts";
import { workerChannel } from "./worker_scope.ts";

export interface ReaderStart {
  readonly shared: SharedBuffers;
  /** The mounted connection; -1 in a process that only scans. */
  readonly fuseFd: number;
}

export type ReaderMessage =
  | { readonly kind: "deferred"; readonly deferred: Deferred }
  /** There are new samples in the latency rings. */
  | { readonly kind: "measured" }
  | { readonly kind: "result"; readonly id: number; readonly result: Uint8Array }
  | { readonly kind: "ended" };

/** No origin holds more than half of the readers. */
const PER_ORIGIN = Math.floor(READER_THREADS / 2);

/**
 * The runtime takes the memory that all threads share for each thread's own, and lets about as much
 * garbage gather before it collects. What a scan leaves is some 50 KB per call, so a reader collects
 * after so many calls, and when it rests after fewer. The one call of a health check is not worth it.
 */
const CALLS_PER_COLLECTION = 256;
const CALLS_BEFORE_REST = 16;

const channel = workerChannel<ReaderStart, ReaderMessage>();

channel.onMessage(({ shared, fuseFd }) => {
  const state = new SharedState(shared);
  const syscalls = libc();
  const reader = new Reader({
    state,
    syscalls,
    // ENOENT: the caller was killed meanwhile. ENODEV: the mount is gone. Neither needs us.
    reply: ({ address }, lengthBytes) => void syscalls.write(fuseFd, address, lengthBytes),
    defer: (deferred) => channel.post({ kind: "deferred", deferred }),
    onMeasured: () => channel.post({ kind: "measured" }),
    onResult: (id, result) => channel.post({ kind: "result", id, result }, [result.buffer]),
  });
  const job = emptyJob();
  const { jobs } = state;
  let calls = 0;
  const collect = () => {
    calls = 0;
    Bun.gc(true);
  };
  for (let patienceMs = Number.POSITIVE_INFINITY; ; ) {
    const awaited = jobs.wait(job, PER_ORIGIN, patienceMs);
    if (awaited === "stopped") break;
    if (awaited === "job") {
      try {
        reader.do(job);
      } finally {
        jobs.finish(job.origin);
      }
      if (job.kind === JOB.call && ++calls >= CALLS_PER_COLLECTION) collect();
    } else if (calls >= CALLS_BEFORE_REST) collect();
    patienceMs = reader.restDisks(performance.now());
  }
  reader[Symbol.dispose]();
  channel.post({ kind: "ended" });
});
