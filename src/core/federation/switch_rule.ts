/**
 * How long a silent origin is waited for while another replica could serve: the p95 of its own
 * reads, between SWITCH_MIN_MS and SWITCH_MAX_MS, and as much again for every further
 * FIRST_BYTE_READ_BYTES asked for, since an answer says nothing until it is whole. Longer reads are
 * measured by their like, once there were enough: they take less than so many short ones.
 */

import {
  FIRST_BYTE_READ_BYTES,
  SWITCH_MAX_MS,
  SWITCH_MIN_MS,
  SWITCH_MIN_SAMPLES,
} from "../limits.ts";
import type { Origin } from "../origins/origin.ts";
import { LatencyStats } from "./latency.ts";

interface Traffic {
  /** Reads up to FIRST_BYTE_READ_BYTES; probes are not among them. */
  readonly reads: LatencyStats;
  /** Longer reads: their time for each FIRST_BYTE_READ_BYTES. */
  readonly longReads: LatencyStats;
  /** Monotonic time of the latest answered read. */
  lastAnswerMs: number;
}

export class SwitchRule {
  /** Keyed by the object: what is known of an origin goes with it. */
  readonly #traffic = new WeakMap<Origin, Traffic>();

  /** A read of `lengthBytes` was answered after `latencyMs`, at the monotonic time `nowMs`. */
  recordAnswer(origin: Origin, lengthBytes: number, latencyMs: number, nowMs: number): void {
    let traffic = this.#traffic.get(origin);
    if (!traffic) {
      traffic = {
        reads: new LatencyStats(),
        longReads: new LatencyStats(),
        lastAnswerMs: nowMs,
      };
      this.#traffic.set(origin, traffic);
    }
    traffic.lastAnswerMs = nowMs;
    if (this.isSample(lengthBytes)) traffic.reads.record(latencyMs, nowMs);
    else traffic.longReads.record(latencyMs / portions(lengthBytes), nowMs);
  }

  /** True when the time to a whole answer of this size passes for that to the first byte. */
  isSample(lengthBytes: number): boolean {
    return lengthBytes <= FIRST_BYTE_READ_BYTES;
  }

  /** Silence longer than this while a read of `lengthBytes` waits means: switch. */
  patienceMs(origin: Origin, lengthBytes: number): number {
    const traffic = this.#traffic.get(origin);
    const own = this.isSample(lengthBytes) ? traffic?.reads : traffic?.longReads;
    const reads = [own, traffic?.reads].find((stats) => (stats?.count ?? 0) >= SWITCH_MIN_SAMPLES);
    const p95Ms = reads?.percentileMs(95) ?? SWITCH_MAX_MS;
    const clampedMs = Math.min(Math.max(p95Ms, SWITCH_MIN_MS), SWITCH_MAX_MS);
    return clampedMs * portions(lengthBytes);
  }

  /** A read of `lengthBytes` is left for another replica after this even if others are answered. */
  longestPatienceMs(lengthBytes: number): number {
    return SWITCH_MAX_MS * portions(lengthBytes);
  }

  /** How long the origin has answered no read, of the time since `sinceMs`; all monotonic. */
  silenceMs(origin: Origin, sinceMs: number, nowMs: number): number {
    const lastAnswerMs = this.#traffic.get(origin)?.lastAnswerMs ?? sinceMs;
    return nowMs - Math.max(sinceMs, lastAnswerMs);
  }

  /** True when the origin answered any read after the monotonic time `sinceMs`: it is not hung. */
  answeredSince(origin: Origin, sinceMs: number): boolean {
    const traffic = this.#traffic.get(origin);
    return traffic !== undefined && traffic.lastAnswerMs > sinceMs;
  }
}

function portions(lengthBytes: number): number {
  return Math.max(1, Math.ceil(lengthBytes / FIRST_BYTE_READ_BYTES));
}
