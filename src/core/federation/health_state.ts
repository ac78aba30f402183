/**
 * The health of one origin as a state machine (F-5, F-6), without time or I/O.
 *
 * - a probe that is ok, or a good read: no failures any more, healthy; a good read leaves alone
 *   what the latest probe called degraded;
 * - a probe that answers degraded: degraded, the failures stay as they are;
 * - a failure: one more; unhealthy from `threshold` failures in a row on, degraded below it.
 */

import type { HealthStatus } from "../events.ts";

export class HealthState {
  #status: HealthStatus = "unknown";
  #failures = 0;
  #reason: string | undefined;
  /** What the latest probe called degraded. */
  #probeReason: string | undefined;

  /** `threshold`: failures in a row that make the origin unhealthy, at least 1. */
  constructor(readonly threshold: number) {
    if (!Number.isInteger(threshold) || threshold < 1) {
      throw new RangeError(`a health threshold must be a whole number from 1 on: ${threshold}`);
    }
  }

  get status(): HealthStatus {
    return this.#status;
  }

  get consecutiveFailures(): number {
    return this.#failures;
  }

  /** Why it is not healthy: the last failure, or what the probe said. Undefined when it is. */
  get reason(): string | undefined {
    return this.#reason;
  }

  probeOk(): void {
    this.#probeReason = undefined;
    this.goodRead();
  }

  probeDegraded(reason: string): void {
    this.#probeReason = reason;
    this.#status = "degraded";
    this.#reason = reason;
  }

  goodRead(): void {
    this.#failures = 0;
    this.#status = this.#probeReason === undefined ? "healthy" : "degraded";
    this.#reason = this.#probeReason;
  }

  failure(reason: string): void {
    this.#failures++;
    this.#status = this.#failures >= this.threshold ? "unhealthy" : "degraded";
    this.#reason = reason;
  }
}
