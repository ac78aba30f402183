/**
 * A look at what an origin holds of a file now, against what the catalog says. The one place where a
 * single file is brought up to date, for opens and for reads that found it changed.
 */

import { baseName, parentPath } from "../bytes.ts";
import type { CatalogReader, CatalogWriter, Replica } from "../catalog/catalog.ts";
import type { Clock } from "../clock.ts";
import { isOriginFailure, MusicFsError } from "../errors.ts";
import type { HealthMonitor } from "../federation/health.ts";
import { DIRECTORY_DEADLINE_MS } from "../limits.ts";
import type { FileStat, Origin } from "../origins/origin.ts";
import type { CatalogUpdates } from "./catalog_updates.ts";
import type { Confirmations } from "./confirmations.ts";
import type { Listings } from "./listings.ts";

/**
 * `same`: it is what the catalog says. `changed`: it was not, and the catalog knows by now. `unknown`:
 * the origin could not tell, in time or at all.
 */
export type Refreshed = "same" | "changed" | "unknown";

export interface ReplicaRefreshPorts {
  readonly clock: Clock;
  readonly catalog: CatalogReader;
  readonly writer: CatalogWriter;
  readonly updates: CatalogUpdates;
  readonly health: HealthMonitor;
  readonly listings: Listings;
  readonly confirmations: Confirmations;
}

export class ReplicaRefresh {
  constructor(readonly ports: ReplicaRefreshPorts) {}

  /** Takes DIRECTORY_DEADLINE_MS at most, twice when a directory has to be listed. */
  async refresh(origin: Origin, replica: Replica): Promise<Refreshed> {
    const { confirmations, updates, writer } = this.ports;
    const stat = await this.#stat(origin, replica);
    if (stat === "unknown") return stat;
    if (stat === "missing" || stat.kind !== "file") return this.#missing(replica);
    const known = replica.originVersion;
    if (stat.sizeBytes === known.sizeBytes && stat.token === known.token) {
      confirmations.confirm(replica);
      return "same";
    }
    updates.apply(await writer.applyStat(origin.id, replica.path, stat));
    return "changed";
  }

  async #stat(origin: Origin, { path }: Replica): Promise<FileStat | "missing" | "unknown"> {
    const { clock, health } = this.ports;
    const startedMs = clock.monotonicMs();
    const late = new AbortController();
    using _timer = clock.schedule(DIRECTORY_DEADLINE_MS, () => late.abort("took too long"));
    try {
      return await origin.stat(path, late.signal);
    } catch (error) {
      if (error instanceof MusicFsError && isMissing(error)) return "missing";
      if (isOriginFailure(error)) health.recordFailure(origin, error, startedMs);
      return "unknown";
    }
  }

  /** Absence is not deletion: only a listing of the directory makes a file leave the tree. */
  async #missing(replica: Replica): Promise<Refreshed> {
    const directory = parentPath(replica.path);
    if (!(await this.ports.listings.refresh(replica.origin, directory))) return "unknown";
    const name = baseName(replica.path);
    const listed = this.ports.catalog
      .replicas(replica.version)
      .some(({ origin, path }) => origin === replica.origin && baseName(path) === name);
    // Still listed, though it cannot be looked at: others may serve.
    return listed ? "unknown" : "changed";
  }
}

function isMissing({ code }: MusicFsError): boolean {
  return code === "not_found" || code === "not_a_directory" || code === "not_a_file";
}
