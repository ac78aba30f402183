/**
 * How long the reader threads' reads took, on their way to the router (F-2): per origin the latest
 * LATENCY_SAMPLES durations in shared memory. Reader threads add, the main thread collects; what
 * nobody collected in time is overwritten, since only the latest count. The main thread has to be
 * told when there is something to collect: it does not look by itself.
 */

import { LATENCY_SAMPLES, MAX_ORIGINS } from "../limits.ts";

const COUNT_BYTES = MAX_ORIGINS * 8;

export class LatencyRings {
  readonly shared: SharedArrayBuffer;
  /** Samples ever added, per origin. */
  readonly #counts: Int32Array;
  /** 1 from an origin's first sample until its samples are collected. */
  readonly #waiting: Int32Array;
  readonly #samplesMs: Float64Array;
  readonly #collected = new Int32Array(MAX_ORIGINS);

  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(COUNT_BYTES + MAX_ORIGINS * LATENCY_SAMPLES * 8);
    this.#counts = new Int32Array(this.shared, 0, MAX_ORIGINS);
    this.#waiting = new Int32Array(this.shared, MAX_ORIGINS * 4, MAX_ORIGINS);
    this.#samplesMs = new Float64Array(this.shared, COUNT_BYTES, MAX_ORIGINS * LATENCY_SAMPLES);
  }

  /** True for the first sample since the origin's were collected: the caller tells the main thread. */
  add(origin: number, durationMs: number): boolean {
    const count = Atomics.add(this.#counts, origin, 1);
    this.#samplesMs[origin * LATENCY_SAMPLES + ((count >>> 0) % LATENCY_SAMPLES)] = durationMs;
    return Atomics.exchange(this.#waiting, origin, 1) === 0;
  }

  /** Main thread: the samples added since the last call, oldest first. */
  collect(origin: number, take: (durationMs: number) => void): void {
    // First, so that what is added from here on is announced again.
    Atomics.store(this.#waiting, origin, 0);
    const count = Atomics.load(this.#counts, origin);
    const seen = this.#collected[origin] ?? 0;
    const fresh = Math.min((count - seen) | 0, LATENCY_SAMPLES);
    this.#collected[origin] = count;
    for (let i = count - fresh; i !== count; i = (i + 1) | 0) {
      take(this.#samplesMs[origin * LATENCY_SAMPLES + ((i >>> 0) % LATENCY_SAMPLES)] ?? 0);
    }
  }
}
