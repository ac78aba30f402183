/**
 * In which order origins are asked: by class of health, then by the tuple (priority, latency p50),
 * so that priority 1 at 1000 ms beats priority 2 at 10 ms and latency settles ties only (F-1, F-3).
 *
 * - first the healthy ones;
 * - then the degraded ones and those not checked yet;
 * - then the unhealthy ones, least bad first: by consecutive failures before the tuple.
 *
 * Latencies are compared in whole milliseconds, so that two disks do not take turns over
 * microseconds; what is still equal stays in the order of `setPriority`, i.e. of the configuration.
 */

import type { HealthStatus } from "../events.ts";
import type { OriginId } from "../origins/origin.ts";
import { LatencyStats } from "./latency.ts";

/** Priority of an origin for which none was set. */
export const DEFAULT_PRIORITY = 100;

/** What routing asks of health; `HealthMonitor` answers with its state of this moment. */
export interface HealthView {
  /** `unknown` for an origin that was not checked yet, or that is not monitored. */
  status(id: OriginId): HealthStatus;
  consecutiveFailures(id: OriginId): number;
}

/** The classes of F-3, in order of preference. */
export const HEALTH_CLASS = { healthy: 0, degraded: 1, unknown: 1, unhealthy: 2 } as const;

interface Route {
  priority: number;
  /** Settles what priority and latency leave equal. */
  readonly serial: number;
  readonly latency: LatencyStats;
}

export class Router {
  readonly #routes = new Map<OriginId, Route>();
  #serial = 0;

  /** Sets the priority, 0..255, lower is preferred. Throws RangeError for any other number. */
  setPriority(id: OriginId, priority: number): void {
    if (!Number.isInteger(priority) || priority < 0 || priority > 255) {
      throw new RangeError(`priority of origin ${id} must be a whole number 0..255: ${priority}`);
    }
    const route = this.#routes.get(id);
    if (route) route.priority = priority;
    else this.#routes.set(id, { priority, serial: this.#serial++, latency: new LatencyStats() });
  }

  /** Forgets priority and latency of the origin. */
  removePriority(id: OriginId): void {
    this.#routes.delete(id);
  }

  getPriority(id: OriginId): number {
    return this.#routes.get(id)?.priority ?? DEFAULT_PRIORITY;
  }

  /** Adds a latency sample; one of an origin without a priority set is dropped. */
  recordLatency(id: OriginId, latencyMs: number, wallMs: number): void {
    this.#routes.get(id)?.latency.record(latencyMs, wallMs);
  }

  latency(id: OriginId): LatencyStats | undefined {
    return this.#routes.get(id)?.latency;
  }

  /** Origins about which something is kept; for leak checks. */
  get size(): number {
    return this.#routes.size;
  }

  /** The best healthy candidate; undefined when none is healthy. */
  select(candidates: Iterable<OriginId>, health: HealthView): OriginId | undefined {
    const healthy = [...candidates].filter((id) => health.status(id) === "healthy");
    return this.order(healthy, health)[0];
  }

  /** The best candidate of all: healthy, else degraded or unchecked, else the least bad. */
  selectWithFallback(candidates: Iterable<OriginId>, health: HealthView): OriginId | undefined {
    return this.order(candidates, health)[0];
  }

  /** All candidates in routing order. */
  order(candidates: Iterable<OriginId>, health: HealthView): OriginId[] {
    return [...candidates].sort((a, b) => this.compare(a, b, health));
  }

  /** Negative when `a` goes before `b`; a total order over the origins with a priority set. */
  compare(a: OriginId, b: OriginId, health: HealthView): number {
    return this.compareClass(a, b, health) || this.compareTuple(a, b);
  }

  /** As `compare`, by health alone: class, and failures in a row among unhealthy ones. */
  compareClass(a: OriginId, b: OriginId, health: HealthView): number {
    const status = health.status(a);
    return (
      HEALTH_CLASS[status] - HEALTH_CLASS[health.status(b)] ||
      (status === "unhealthy" ? health.consecutiveFailures(a) - health.consecutiveFailures(b) : 0)
    );
  }

  /** As `compare`, by (priority, latency p50) alone: whose turn it is when all are well. */
  compareTuple(a: OriginId, b: OriginId): number {
    const left = this.#routes.get(a);
    const right = this.#routes.get(b);
    return (
      (left?.priority ?? DEFAULT_PRIORITY) - (right?.priority ?? DEFAULT_PRIORITY) ||
      Math.floor(left?.latency.p50Ms ?? 0) - Math.floor(right?.latency.p50Ms ?? 0) ||
      (left?.serial ?? Number.MAX_SAFE_INTEGER) - (right?.serial ?? Number.MAX_SAFE_INTEGER)
    );
  }
}
