/** A Worker of job_queue.test.ts: takes jobs until the queue is stopped and sums them up. */

import { emptyJob, JobQueue } from "../../../src/core/threads/job_queue.ts";
import { workerChannel } from "../../../src/core/threads/worker_scope.ts";

const channel = workerChannel<SharedArrayBuffer, { sum: number; count: number }>();

channel.onMessage((shared) => {
  const queue = new JobQueue(shared);
  const job = emptyJob();
  let sum = 0;
  let count = 0;
  while (queue.wait(job, 2) === "job") {
    if (job.payload[0] !== job.unique % 251) throw new Error(`job ${job.unique} was mixed up`);
    sum += job.unique;
    count++;
    queue.finish(job.origin);
  }
  channel.post({ sum, count });
});
