/** Replicas to which nothing happens: whoever holds one of them must be served. */

import type { Replica } from "../../src/core/catalog/catalog.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import type { HealthWatch } from "./health_watch.ts";
import type { Setup } from "./operations.ts";
import type { Storage } from "./storage.ts";
import type { VersionsWatch } from "./versions_watch.ts";

export interface GoodReplicasPorts {
  readonly clock: Clock;
  readonly setup: Setup;
  readonly storages: ReadonlyMap<OriginId, Storage>;
  readonly versions: VersionsWatch;
  readonly health: HealthWatch;
  readonly changes: { readonly configured: number; readonly stored: number };
  readonly isEnabled: (id: OriginId) => boolean;
}

/** Replicas that were good at one moment. */
export interface Goods {
  readonly replicas: readonly Replica[];
  readonly configured: number;
  readonly stored: number;
}

/** Faults of before have no effect any more: operations end within 30 s. */
const CALM_MS = 31_000;
/** With less, reads may end before every silent origin was waited for. */
export const FULL_DEADLINE_MS = 30_000;

export class GoodReplicas {
  constructor(readonly ports: GoodReplicasPorts) {}

  /** Those that may serve a node, on origins in order. */
  of(nodeid: number): Goods {
    const { setup, changes, versions } = this.ports;
    const { configured, stored } = changes;
    const isLong = setup.readDeadlineMs >= FULL_DEADLINE_MS || this.allCalm;
    if (!isLong) return { replicas: [], configured, stored };
    const replicas = versions
      .replicas(nodeid)
      .filter(({ match }) => match === "proved" || match === setup.failover)
      .filter((replica) => this.#isGood(replica));
    return { replicas, configured, stored };
  }

  /** True when one of them was good all the time. */
  stillGood({ replicas, configured, stored }: Goods): boolean {
    const { changes } = this.ports;
    if (configured !== changes.configured || stored !== changes.stored) return false;
    return replicas.some((replica) => this.#isGood(replica));
  }

  /** Nothing was made to fail for so long that nothing does any more. */
  get allCalm(): boolean {
    return [...this.ports.storages.values()].every((storage) => this.#isCalm(storage));
  }

  #isGood({ origin, path, originVersion }: Replica): boolean {
    const { storages, health, isEnabled } = this.ports;
    const storage = storages.get(origin);
    const status = health.status(origin);
    if (storage === undefined || !isEnabled(origin)) return false;
    if (status === undefined || status === "unhealthy") return false;
    return this.#isCalm(storage) && storage.isNow(path, originVersion);
  }

  #isCalm({ calmSinceMs }: Storage): boolean {
    return calmSinceMs + CALM_MS <= this.ports.clock.monotonicMs();
  }
}
