/** Scans and listings of the origins of a running mount. */

import { type BytePath, baseName, parentPath, ROOT_PATH } from "../bytes.ts";
import type { CatalogChanges, CatalogWriter } from "../catalog/catalog.ts";
import type { Clock } from "../clock.ts";
import { isOriginFailure, OwnError } from "../errors.ts";
import type { EventBus } from "../events.ts";
import type { Federation } from "../federation/federation.ts";
import type { Origin, OriginId } from "../origins/origin.ts";
import { listOnDemand } from "../sync/directory_listing.ts";
import { Exclusion } from "../sync/exclusion.ts";
import { type ScanResult, scan } from "../sync/scan.ts";
import type { CatalogUpdates } from "./catalog_updates.ts";
import type { ScanOptions } from "./scans.ts";

export interface OriginScannerPorts {
  readonly clock: Clock;
  readonly catalog: CatalogWriter;
  readonly updates: CatalogUpdates;
  readonly federation: Federation;
  readonly events: EventBus;
  /** Globs of what the origin leaves out. */
  readonly exclude: (origin: OriginId) => readonly string[];
  readonly cacheDir: string;
  /** Scans the whole origin, soon. */
  readonly rescan: (origin: OriginId) => void;
}

export class OriginScanner {
  constructor(readonly ports: OriginScannerPorts) {}

  /** As `sync/scan.ts`; the origin's failures count against its health. */
  readonly scan = async (
    id: OriginId,
    options: ScanOptions,
    signal: AbortSignal,
  ): Promise<ScanResult> => {
    const { catalog, clock, updates, events, cacheDir } = this.ports;
    const ports = { catalog, clock, events, onChanges: updates.apply, lockDirectory: cacheDir };
    return await this.#withOrigin(id, (origin) =>
      scan(origin, ports, { ...options, exclusion: this.#exclusion(id) }, signal),
    );
  };

  /** Lists one directory, by its path on the origin. */
  readonly list = async (id: OriginId, directory: BytePath, signal: AbortSignal): Promise<void> => {
    const { catalog, updates, rescan } = this.ports;
    const onChanges = (changes: CatalogChanges) => {
      updates.apply(changes);
      if (changes.needsScan !== undefined) rescan(changes.needsScan);
    };
    const ports = { catalog, onChanges };
    await this.#withOrigin(id, (origin) =>
      listOnDemand(origin, directory, this.#exclusion(id), ports, signal),
    );
  };

  /** False for a directory that is left out of the tree, for itself or for one around it. */
  readonly shows = (id: OriginId, directory: BytePath): boolean => {
    if (!this.ports.federation.registry.isEnabled(id)) return false;
    const exclusion = this.#exclusion(id);
    for (let at = directory; at !== ROOT_PATH; at = parentPath(at)) {
      if (exclusion.excludes(baseName(at), at)) return false;
    }
    return true;
  };

  #exclusion(id: OriginId): Exclusion {
    return new Exclusion(this.ports.exclude(id));
  }

  async #withOrigin<T>(id: OriginId, work: (origin: Origin) => Promise<T>): Promise<T> {
    const { registry, health } = this.ports.federation;
    const origin = registry.get(id);
    if (origin === undefined) throw new OwnError("no_origin_available", `no origin is named ${id}`);
    const startedMs = this.ports.clock.monotonicMs();
    try {
      return await work(origin);
    } catch (error) {
      if (isOriginFailure(error)) health.recordFailure(origin, error, startedMs);
      throw error;
    }
  }
}
