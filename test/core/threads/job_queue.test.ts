import { describe, expect, test } from "bun:test";
import { emptyJob, JOB, JobQueue, MAX_PAYLOAD_BYTES } from "../../../src/core/threads/job_queue.ts";

function job(origin: number, unique: number, payload = new Uint8Array(0)) {
  return { ...emptyJob(), kind: JOB.read, origin, unique, payload };
}

describe("JobQueue", () => {
  test("gives back what was pushed, in order, with a payload of its own", () => {
    const queue = new JobQueue();
    const payload = Uint8Array.of(1, 2, 3);
    const pushed = {
      kind: JOB.open,
      origin: 3,
      unique: 2 ** 40 + 2,
      fh: 2 ** 45 + 7,
      fd: 9,
      offsetBytes: 2 ** 41,
      lengthBytes: 1_048_576,
      payload,
    };
    expect(queue.push(pushed)).toBe(true);
    expect(queue.push(job(3, 4))).toBe(true);
    payload.fill(0);
    const out = emptyJob();
    expect(queue.take(out, 2)).toBe(true);
    expect(out).toEqual({ ...pushed, payload: Uint8Array.of(1, 2, 3) });
    expect(queue.take(out, 2)).toBe(true);
    expect(out.unique).toBe(4);
    expect(out.payload.byteLength).toBe(0);
    expect(queue.take(out, 2)).toBe(false);
  });

  test("never has more of one origin worked on than allowed, and serves the others meanwhile", () => {
    const queue = new JobQueue();
    for (let i = 0; i < 5; i++) queue.push(job(1, i));
    queue.push(job(2, 100));
    const out = emptyJob();
    const taken: number[] = [];
    while (queue.take(out, 2)) taken.push(out.origin);
    expect(taken.sort()).toEqual([1, 1, 2]);
    expect(queue.busy(1)).toBe(2);
    queue.finish(1);
    expect(queue.take(out, 2)).toBe(true);
    expect(out.origin).toBe(1);
    expect(queue.length(1)).toBe(2);
  });

  test("knows whether somebody waits for a job of an origin: for heads that are fetched nobody does", () => {
    const queue = new JobQueue();
    const isAwaited = () => [0, 1].map((origin) => queue.isAwaited(origin));
    queue.push({ ...job(1, 1), kind: JOB.fetchHeads });
    expect(isAwaited()).toEqual([false, false]);
    queue.push(job(1, 2));
    expect(isAwaited()).toEqual([false, true]);
    const out = emptyJob();
    queue.take(out, 2);
    expect(isAwaited()).toEqual([false, true]);
    queue.take(out, 2);
    expect(isAwaited()).toEqual([false, false]);
  });

  test("refuses what does not fit, and goes on after being full", () => {
    const queue = new JobQueue();
    expect(queue.push(job(0, 1, new Uint8Array(MAX_PAYLOAD_BYTES + 1)))).toBe(false);
    let pushed = 0;
    while (queue.push(job(0, pushed))) pushed++;
    expect(pushed).toBeGreaterThanOrEqual(32);
    expect(queue.push(job(1, 7))).toBe(true);
    const out = emptyJob();
    for (let round = 0; round < pushed * 3; round++) {
      expect(queue.take(out, 1) || queue.take(out, 1)).toBe(true);
      const origin = out.origin;
      queue.finish(origin);
      if (origin === 0) expect(queue.push(job(0, 1000 + round))).toBe(true);
    }
    expect(queue.length(0)).toBe(pushed);
  });

  test("has room for a few long payloads of each origin, and for short ones meanwhile", () => {
    const queue = new JobQueue();
    const long = (fill: number) => new Uint8Array(MAX_PAYLOAD_BYTES).fill(fill);
    let pushed = 0;
    while (queue.push(job(0, pushed, long(pushed + 1)))) pushed++;
    expect(pushed).toBeGreaterThanOrEqual(2);
    expect(queue.push(job(0, 100, Uint8Array.of(9)))).toBe(true);
    expect(queue.push(job(1, 200, long(7)))).toBe(true);
    const out = emptyJob();
    const takeOf = (origin: number) => {
      do expect(queue.take(out, 100)).toBe(true);
      while (out.origin !== origin);
      return out;
    };
    for (let n = 0; n < pushed; n++) {
      expect(takeOf(0)).toMatchObject({ unique: n, payload: long(n + 1) });
      expect(queue.push(job(0, 300 + n, long(50 + n)))).toBe(true);
    }
    expect(takeOf(0).payload).toEqual(Uint8Array.of(9));
    for (let n = 0; n < pushed; n++) expect(takeOf(0).payload).toEqual(long(50 + n));
  });

  test("keeps no block of a payload that found its ring full", () => {
    const queue = new JobQueue();
    const long = new Uint8Array(MAX_PAYLOAD_BYTES);
    while (queue.push(job(0, 1)));
    for (let n = 0; n < 10; n++) expect(queue.push(job(0, 2, long))).toBe(false);
    const out = emptyJob();
    queue.take(out, 100);
    queue.take(out, 100);
    expect(queue.push(job(0, 3, long))).toBe(true);
    expect(queue.push(job(0, 4, long))).toBe(true);
  });

  test("another thread's view of the same memory sees the same queue", () => {
    const queue = new JobQueue();
    const other = new JobQueue(queue.shared);
    queue.push(job(5, 6));
    const out = emptyJob();
    expect(other.take(out, 1)).toBe(true);
    expect(out.unique).toBe(6);
    other.finish(5);
    expect(queue.busy(5)).toBe(0);
    queue.stop();
    expect(other.wait(out, 1)).toBe("stopped");
  });

  test("is idle when no job came in time, and not before", () => {
    const queue = new JobQueue();
    const out = emptyJob();
    const startedMs = performance.now();
    expect(queue.wait(out, 1, 30)).toBe("idle");
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(29);
    queue.push(job(5, 6));
    expect(queue.wait(out, 1, 0)).toBe("job");
    expect(queue.wait(out, 1, 0)).toBe("idle");
  });

  test("loses and doubles nothing between threads", async () => {
    const queue = new JobQueue();
    const workers = Array.from({ length: 3 }, () => new Worker(`${import.meta.dir}/taker.ts`));
    const sums = workers.map((worker) => {
      const { promise, resolve } = Promise.withResolvers<{ sum: number; count: number }>();
      worker.addEventListener("message", (event) => resolve(event.data));
      worker.postMessage(queue.shared);
      return promise;
    });
    const jobs = 20_000;
    for (let i = 1; i <= jobs; i++) {
      while (!queue.push(job(i % 4, i, Uint8Array.of(i % 251)))) await Bun.sleep(0);
    }
    while ([0, 1, 2, 3].some((origin) => queue.length(origin) > 0 || queue.busy(origin) > 0)) {
      await Bun.sleep(1);
    }
    queue.stop();
    const results = await Promise.all(sums);
    for (const worker of workers) worker.terminate();
    expect(results.reduce((all, { count }) => all + count, 0)).toBe(jobs);
    expect(results.reduce((all, { sum }) => all + sum, 0)).toBe((jobs * (jobs + 1)) / 2);
  });
});
