/**
 * How long a silent origin is waited for while another replica could serve: the p95 of its own
 * reads, between SWITCH_MIN_MS and SWITCH_MAX_MS, and as much again for every further
 * FIRST_BYTE_READ_BYTES asked for, since those bytes take their time. Longer reads are measured by
 * their like, once there were enough: they take less than so many short ones. But where an origin
 * tells of bytes as they come, a long read waits no longer than SWITCH_MAX_MS for the next ones.
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
  /** Monotonic time at which it last answered, or told of bytes that came. */
  lastHeardMs: number;
}

export class SwitchRule {
  /** Keyed by the object: what is known of an origin goes with it. */
  readonly #traffic = new WeakMap<Origin, Traffic>();

  /** A read of `lengthBytes` was answered after `latencyMs`, at the monotonic time `nowMs`. */
  recordAnswer(origin: Origin, lengthBytes: number, latencyMs: number, nowMs: number): void {
    const traffic = this.#trafficOf(origin);
    traffic.lastHeardMs = nowMs;
    if (this.isSample(lengthBytes)) traffic.reads.record(latencyMs, nowMs);
    else traffic.longReads.record(latencyMs / portions(lengthBytes), nowMs);
  }

  /** Bytes of a read that is not answered yet have come at the monotonic time `nowMs`. */
  recordProgress(origin: Origin, nowMs: number): void {
    this.#trafficOf(origin).lastHeardMs = nowMs;
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

  /** Silence of the origin that is longer than this ends the wait for a read of `lengthBytes`, too. */
  quietMs(origin: Origin, lengthBytes: number): number {
    const isKnown = origin.capabilities.tellsProgress && !this.isSample(lengthBytes);
    return isKnown ? SWITCH_MAX_MS : Number.POSITIVE_INFINITY;
  }

  /** A read of `lengthBytes` is left for another replica after this even if others are answered. */
  longestPatienceMs(lengthBytes: number): number {
    return SWITCH_MAX_MS * portions(lengthBytes);
  }

  /** How long nothing has come from the origin, of the time since `sinceMs`; all monotonic. */
  silenceMs(origin: Origin, sinceMs: number, nowMs: number): number {
    const lastHeardMs = this.#traffic.get(origin)?.lastHeardMs ?? sinceMs;
    return nowMs - Math.max(sinceMs, lastHeardMs);
  }

  /**
   * True when something came from the origin after the monotonic time `sinceMs`, and it did not fall
   * silent since, as far as that can be told: it is not hung.
   */
  isAlive(origin: Origin, sinceMs: number, nowMs: number): boolean {
    const lastHeardMs = this.#traffic.get(origin)?.lastHeardMs ?? Number.NEGATIVE_INFINITY;
    if (lastHeardMs <= sinceMs) return false;
    return !origin.capabilities.tellsProgress || nowMs - lastHeardMs < SWITCH_MAX_MS;
  }

  #trafficOf(origin: Origin): Traffic {
    let traffic = this.#traffic.get(origin);
    if (traffic === undefined) {
      const stats = { reads: new LatencyStats(), longReads: new LatencyStats() };
      traffic = { ...stats, lastHeardMs: Number.NEGATIVE_INFINITY };
      this.#traffic.set(origin, traffic);
    }
    return traffic;
  }
}

function portions(lengthBytes: number): number {
  return Math.max(1, Math.ceil(lengthBytes / FIRST_BYTE_READ_BYTES));
}
