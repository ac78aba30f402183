/**
 * The origins of a mount as one: what the mount reads from, adds origins to, and asks for their
 * health. Puts registry, router, health monitor, failover and fingerprints together.
 */

import type { Replica } from "../catalog/catalog.ts";
import type { Clock } from "../clock.ts";
import type { HealthSettings, ReadSettings } from "../config/config.ts";
import type { MusicFsError } from "../errors.ts";
import type { EventBus, HealthStatus } from "../events.ts";
import type { Origin, OriginId, OriginType } from "../origins/origin.ts";
import type { OriginUsage } from "../origins/usage.ts";
import { FailoverExecutor, type ReadCounts, type ReadLimits } from "./failover.ts";
import { copied, type FederatedFile, type FetchedBytes, type ReadOutcome } from "./file.ts";
import { FingerprintQueue, type ReplicaFindings } from "./fingerprint_queue.ts";
import { HealthMonitor } from "./health.ts";
import { networkAddresses } from "./machine_watch.ts";
import {
  OriginRegistry,
  type OriginSettings,
  type RoutingListener,
  type RoutingOrder,
} from "./registry.ts";
import { ReplicaJudge } from "./replicas.ts";
import { Router } from "./router.ts";

/** What `health` shows of an origin (design of the scripts' JSON). */
export interface OriginReport {
  readonly id: OriginId;
  readonly type: OriginType;
  readonly priority: number;
  readonly enabled: boolean;
  /** `unknown` when disabled or not yet checked. */
  readonly status: HealthStatus;
  readonly consecutiveFailures: number;
  /** Failures in a row that make it unhealthy. */
  readonly threshold: number;
  /** 0 without samples. */
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  readonly lastLatencyMs: number | undefined;
  /** Wall clock of the latest latency sample, milliseconds since the epoch. */
  readonly lastUpdateMs: number | undefined;
  /** Wall clock of the end of the latest check, milliseconds since the epoch. */
  readonly lastCheckMs: number | undefined;
  /** Wall clock at which the next check is due; undefined when nobody will check it. */
  readonly nextCheckMs: number | undefined;
  /** Why it is not healthy. */
  readonly lastError: string | undefined;
  /** What it was asked for; absent where nobody counts, as with disks of this machine. */
  readonly usage?: OriginUsage | undefined;
}

export interface FederationPorts {
  readonly clock: Clock;
  readonly events: EventBus;
  readonly health: HealthSettings;
  readonly read: Pick<ReadSettings, "readDeadlineMs" | "hedge" | "failover">;
  readonly findings: ReplicaFindings;
  /** A text that differs when the machine's network does. Default: its addresses. */
  readonly network?: () => string;
  /** A replica was found to be gone, changed or denied: look at it again. Default: nothing. */
  readonly onObjectError?: (file: FederatedFile, replica: Replica, error: MusicFsError) => void;
  /** Readers are being served elsewhere: background work waits. Default: never. */
  readonly isBusy?: () => boolean;
  /** Something nobody waits for failed; for the log. */
  readonly onError: (error: unknown) => void;
}

export class Federation {
  readonly registry: OriginRegistry;
  readonly router = new Router();
  readonly health: HealthMonitor;
  readonly #failover: FailoverExecutor;
  readonly #fingerprints: FingerprintQueue;

  constructor(private readonly ports: FederationPorts) {
    const { clock, events, findings, onError } = ports;
    this.health = new HealthMonitor(clock, events, ports.health, {
      onChange: () => this.registry.refreshRouting(),
      onProbed: (origin, latencyMs) => this.#onLatency(origin, latencyMs),
      dropConnections: (origin) => origin.dropConnections?.(),
      network: ports.network ?? networkAddresses,
    });
    const { router, health } = this;
    const registry = new OriginRegistry(router, health, events);
    this.registry = registry;
    const judge = new ReplicaJudge(ports.read.failover, events, (version, other) => {
      findings.setDifferent(version, other).catch(onError);
    });
    const onLatency = (origin: Origin, latencyMs: number) => this.#onLatency(origin, latencyMs);
    const onObjectError = ports.onObjectError ?? (() => undefined);
    this.#failover = new FailoverExecutor(
      { clock, events, registry, router, health, judge, onLatency, onObjectError },
      ports.read,
    );
    this.#fingerprints = new FingerprintQueue({
      clock,
      findings,
      onError,
      policy: ports.read.failover,
      isBusy: () => this.#failover.activeReads > 0 || (ports.isBusy?.() ?? false),
      usableOrigin: (id) => {
        const origin = registry.get(id);
        return origin && registry.isActive(origin) && health.status(id) !== "unhealthy"
          ? origin
          : undefined;
      },
      onOriginFailure: (origin, error, startedMs) => health.recordFailure(origin, error, startedMs),
    });
  }

  /** As `OriginRegistry.register`. */
  add(origin: Origin, settings?: OriginSettings): void {
    this.registry.register(origin, settings);
  }

  /** As `OriginRegistry.unregister`. */
  remove(id: OriginId): Promise<boolean> {
    return this.registry.unregister(id);
  }

  enable(id: OriginId): void {
    this.registry.enable(id);
  }

  disable(id: OriginId): void {
    this.registry.disable(id);
  }

  setPriority(id: OriginId, priority: number): void {
    this.registry.setPriority(id, priority);
  }

  /** As `FailoverExecutor.fetch`. */
  fetch(
    file: FederatedFile,
    offsetBytes: number,
    wantedBytes: number,
    limits?: ReadLimits,
  ): Promise<FetchedBytes> {
    return this.#failover.fetch(file, offsetBytes, wantedBytes, limits);
  }

  /** As `fetch`, into the caller's own memory; see `FetchFile`. */
  read(
    file: FederatedFile,
    offsetBytes: number,
    into: Uint8Array,
    limits?: ReadLimits,
  ): Promise<ReadOutcome> {
    return copied(this.fetch(file, offsetBytes, into.byteLength, limits), into);
  }

  /** What reads there were so far. */
  get readCounts(): ReadCounts {
    return this.#failover.counts;
  }

  /**
   * A read of the origin was answered some time ago without this federation: it counts as a latency
   * sample, but says nothing of the origin's health now.
   */
  recordLatency(origin: Origin, latencyMs: number): void {
    this.#onLatency(origin, latencyMs);
  }

  /** Has the replicas of a file that is being read compared in the background. */
  compareReplicas(file: FederatedFile): void {
    this.#fingerprints.add(file);
  }

  /** Files that wait for `compareReplicas`; for metrics and leak checks. */
  get filesToCompare(): number {
    return this.#fingerprints.size;
  }

  get routing(): RoutingOrder {
    return this.registry.routing;
  }

  onRoutingChange(listener: RoutingListener): Disposable {
    return this.registry.onRoutingChange(listener);
  }

  /** Checks an origin now (F-7); rejects with OwnError `usage` when none of this id is enabled. */
  checkNow(id: OriginId): Promise<void> {
    return this.health.checkNow(id);
  }

  /** The network changed, which is otherwise noticed at the next check or failure: drops connections and checks all origins; nothing of it is a failure. */
  networkChanged(): void {
    this.health.reset();
  }

  /** All origins, enabled or not, in the order in which they were added. */
  report(): OriginReport[] {
    return this.registry.list().map((origin) => {
      const { id, type } = origin;
      const latency = this.router.latency(id);
      return {
        id,
        type,
        priority: this.router.getPriority(id),
        enabled: this.registry.isEnabled(id),
        ...this.health.health(origin),
        latencyP50Ms: latency?.p50Ms ?? 0,
        latencyP99Ms: latency?.p99Ms ?? 0,
        lastLatencyMs: latency?.lastLatencyMs,
        lastUpdateMs: latency?.lastUpdateMs,
      };
    });
  }

  /** Closes all origins; afterwards no timer, listener or background work is left. */
  async close(): Promise<void> {
    this.#failover.close();
    this.health.close();
    await this.#fingerprints.close();
    await this.registry.close();
  }

  #onLatency(origin: Origin, latencyMs: number): void {
    const before = this.router.latency(origin.id)?.p50Ms ?? 0;
    this.router.recordLatency(origin.id, latencyMs, this.ports.clock.wallMs());
    const after = this.router.latency(origin.id)?.p50Ms ?? 0;
    if (Math.floor(after) !== Math.floor(before)) this.registry.refreshRouting();
  }
}
