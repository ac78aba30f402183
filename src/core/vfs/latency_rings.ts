/**
 * How long the reader threads' reads took, on their way to the router (F-2): per origin the latest
 * LATENCY_SAMPLES durations in shared memory. Reader threads add, the main thread collects; what
 * nobody collected in time is overwritten, since only the latest count.
 */

import { LATENCY_SAMPLES, MAX_ORIGINS } from "../limits.ts";

const COUNT_BYTES = MAX_ORIGINS * 8;

export class LatencyRings {
  readonly shared: SharedArrayBuffer;
  /** Samples ever added, per origin. */
  readonly #counts: Int32Array;
  readonly #samplesMs: Float64Array;
  readonly #collected = new Int32Array(MAX_ORIGINS);

  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(COUNT_BYTES + MAX_ORIGINS * LATENCY_SAMPLES * 8);
    this.#counts = new Int32Array(this.shared, 0, MAX_ORIGINS);
    this.#samplesMs = new Float64Array(this.shared, COUNT_BYTES, MAX_ORIGINS * LATENCY_SAMPLES);
  }

  add(origin: number, durationMs: number): void {
    const count = Atomics.add(this.#counts, origin, 1);
    this.#samplesMs[origin * LATENCY_SAMPLES + ((count >>> 0) % LATENCY_SAMPLES)] = durationMs;
  }

  /** Main thread: the samples added since the last call, oldest first. */
  collect(origin: number, take: (durationMs: number) => void): void {
    const count = Atomics.load(this.#counts, origin);
    const seen = this.#collected[origin] ?? 0;
    const fresh = Math.min((count - seen) | 0, LATENCY_SAMPLES);
    this.#collected[origin] = count;
    for (let i = count - fresh; i !== count; i = (i + 1) | 0) {
      take(this.#samplesMs[origin * LATENCY_SAMPLES + ((i >>> 0) % LATENCY_SAMPLES)] ?? 0);
    }
  }
}
