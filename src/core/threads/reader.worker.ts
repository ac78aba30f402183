/** A reader thread: takes jobs from the shared queue until that is stopped. */

import { READER_THREADS } from "../limits.ts";
import { libc } from "../sys/libc.ts";
import type { Deferred } from "../vfs/deferred.ts";
import { emptyJob } from "./job_queue.ts";
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
  for (let patienceMs = Number.POSITIVE_INFINITY; ; ) {
    const awaited = jobs.wait(job, PER_ORIGIN, patienceMs);
    if (awaited === "stopped") break;
    if (awaited === "job") {
      try {
        reader.do(job);
      } finally {
        jobs.finish(job.origin);
      }
    }
    patienceMs = reader.restDisks(performance.now());
  }
  reader[Symbol.dispose]();
  channel.post({ kind: "ended" });
});
