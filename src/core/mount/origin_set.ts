/**
 * The configured origins of a running mount: each is opened, known to the federation, has a row in
 * the routing table, its root held open where it is local, and is scanned. What one origin takes is
 * given back when it is removed (F-9).
 */

import type { CatalogOrigin } from "../catalog/catalog.ts";
import type { OriginSettings } from "../config/config.ts";
import type { Federation } from "../federation/federation.ts";
import type { Origin, OriginId } from "../origins/origin.ts";
import type { RoutingTable } from "../vfs/routing_table.ts";
import type { LocalRoots } from "./local_roots.ts";
import type { Scans } from "./scans.ts";

export interface OpenedOrigin {
  readonly origin: Origin;
  /** Where threads may open its files directly; undefined when all goes through `origin`. */
  readonly localRoot: string | undefined;
}

/** Opens an origin in all its wrappers; `row` is its place in the routing table. */
export type OpenOrigin = (settings: OriginSettings, row: number) => Promise<OpenedOrigin>;

export interface OriginSetPorts {
  readonly routing: RoutingTable;
  readonly roots: LocalRoots;
  readonly federation: Federation;
  readonly scans: Scans;
  readonly open: OpenOrigin;
}

const MS = 1000;

export class OriginSet {
  readonly #settings = new Map<OriginId, OriginSettings>();

  constructor(readonly ports: OriginSetPorts) {}

  settings(id: OriginId): OriginSettings | undefined {
    return this.#settings.get(id);
  }

  async add(settings: OriginSettings): Promise<void> {
    const { routing, roots, federation, scans, open } = this.ports;
    const { id, priority, enabled } = settings;
    const row = routing.claim(id);
    try {
      const { origin, localRoot } = await open(settings, row);
      this.#settings.set(id, settings);
      if (localRoot !== undefined) await roots.add(id, localRoot);
      federation.add(origin, { priority, enabled });
    } catch (error) {
      this.#settings.delete(id);
      roots.remove(id);
      routing.vacate(id);
      throw error;
    }
    if (enabled) scans.add(id, settings.pollIntervalSecs * MS);
  }

  async remove(id: OriginId): Promise<void> {
    const { routing, roots, federation, scans } = this.ports;
    this.#settings.delete(id);
    scans.remove(id);
    routing.vacate(id);
    roots.remove(id);
    await federation.remove(id);
  }

  /** What the catalog must know, in the order of the configuration. */
  catalogOrigins(): readonly CatalogOrigin[] {
    return [...this.#settings.values()].map(({ id, priority, enabled, prefix }) => {
      return { id, priority, enabled, prefix };
    });
  }
}
