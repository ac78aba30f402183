/** How fast one origin answers, over its last LATENCY_SAMPLES samples (F-2). */

import { LATENCY_SAMPLES } from "../limits.ts";

/**
 * A sample is the time to the first byte of a read, or the duration of a probe, in milliseconds
 * with a fraction. The samples are kept sorted as they come: recording one moves at most 800 bytes,
 * and every percentile is a look-up.
 */
export class LatencyStats {
  /** The samples in order of arrival; `#next` is the oldest once the ring is full. */
  readonly #ring = new Float64Array(LATENCY_SAMPLES);
  readonly #sorted = new Float64Array(LATENCY_SAMPLES);
  #count = 0;
  #next = 0;
  #lastLatencyMs: number | undefined;
  #lastUpdateMs: number | undefined;

  /** Adds a sample taken at `wallMs` of the clock; beyond LATENCY_SAMPLES the oldest goes. */
  record(latencyMs: number, wallMs: number): void {
    if (this.#count === LATENCY_SAMPLES) this.#remove(this.#ring[this.#next] ?? 0);
    this.#insert(latencyMs);
    this.#ring[this.#next] = latencyMs;
    this.#next = (this.#next + 1) % LATENCY_SAMPLES;
    this.#lastLatencyMs = latencyMs;
    this.#lastUpdateMs = wallMs;
  }

  /** Samples kept, at most LATENCY_SAMPLES. */
  get count(): number {
    return this.#count;
  }

  /** sorted[⌊percent·n/100⌋] for `percent` in 0..99; 0 without samples. */
  percentileMs(percent: number): number {
    if (this.#count === 0) return 0;
    return this.#sorted[Math.floor((percent * this.#count) / 100)] ?? 0;
  }

  get p50Ms(): number {
    return this.percentileMs(50);
  }

  get p99Ms(): number {
    return this.percentileMs(99);
  }

  /** The latest sample; undefined without any. */
  get lastLatencyMs(): number | undefined {
    return this.#lastLatencyMs;
  }

  /** Wall clock of the latest sample, milliseconds since the epoch; undefined without any. */
  get lastUpdateMs(): number | undefined {
    return this.#lastUpdateMs;
  }

  #insert(sample: number): void {
    const at = this.#lowerBound(sample);
    this.#sorted.copyWithin(at + 1, at, this.#count);
    this.#sorted[at] = sample;
    this.#count++;
  }

  #remove(sample: number): void {
    const at = this.#lowerBound(sample);
    this.#sorted.copyWithin(at, at + 1, this.#count);
    this.#count--;
  }

  /** Index of the first sorted sample that is not below `sample`. */
  #lowerBound(sample: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] ?? 0) < sample) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
