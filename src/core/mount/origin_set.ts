/**
 * The configured origins of a running mount: each is opened, known to the federation, has a row in
 * the routing table, its root held open where it is local, and is scanned. What one origin takes is
 * given back when it is removed (F-9).
 */

import { ROOT_PATH } from "../bytes.ts";
import type { CatalogWriter } from "../catalog/catalog.ts";
import type { OriginSettings } from "../config/config.ts";
import type { Federation } from "../federation/federation.ts";
import type { Origin, OriginId } from "../origins/origin.ts";
import { OriginMetrics } from "../origins/wrappers/metrics.ts";
import type { RoutingTable } from "../vfs/routing_table.ts";
import type { CatalogUpdates } from "./catalog_updates.ts";
import type { LocalRoots } from "./local_roots.ts";
import type { OriginWatches } from "./origin_watches.ts";
import type { Scans } from "./scans.ts";

export interface OpenedOrigin {
  readonly origin: Origin;
  /** Where threads may open its files directly; undefined when all goes through `origin`. */
  readonly localRoot: string | undefined;
}

/** Opens an origin in all its wrappers; `row` is its place in the routing table. */
export type OpenOrigin = (
  settings: OriginSettings,
  row: number,
  metrics: OriginMetrics,
) => Promise<OpenedOrigin>;

export interface OriginSetPorts {
  readonly routing: RoutingTable;
  readonly roots: LocalRoots;
  readonly federation: Federation;
  readonly scans: Scans;
  readonly watches: OriginWatches;
  readonly open: OpenOrigin;
  readonly writer: CatalogWriter;
  readonly updates: CatalogUpdates;
}

const MS = 1000;

export class OriginSet {
  readonly #settings = new Map<OriginId, OriginSettings>();
  /** Where threads may open files of an origin themselves. */
  readonly #localRoots = new Map<OriginId, string>();
  /** Of the origins that are scanned. */
  readonly #intervalsMs = new Map<OriginId, number>();
  /** They outlive an origin that is opened anew with other settings. */
  readonly #metrics = new Map<OriginId, OriginMetrics>();

  constructor(readonly ports: OriginSetPorts) {}

  settings(id: OriginId): OriginSettings | undefined {
    return this.#settings.get(id);
  }

  /** What was asked of the origin since it was added; nothing for one that is not there. */
  metrics(id: OriginId): OriginMetrics {
    return this.#metrics.get(id) ?? new OriginMetrics();
  }

  /**
   * Makes the origins exactly these, in this order, which settles equal priorities. An origin is
   * opened anew when more of its settings changed than those that only concern the tree and routing.
   * Rejects with what a new origin cannot be opened for, or with `catalog`; what was done stays.
   */
  async configure(wanted: readonly OriginSettings[]): Promise<void> {
    const { writer, updates } = this.ports;
    const kept = new Set(wanted.filter((each) => this.#isOpen(each)).map(({ id }) => id));
    const before = new Map(this.#settings);
    for (const id of before.keys()) if (!kept.has(id)) await this.remove(id);
    for (const settings of wanted) if (kept.has(settings.id)) this.#adjust(settings);
    updates.apply(await writer.configureOrigins(wanted));
    for (const settings of wanted) {
      if (!kept.has(settings.id)) await this.#add(settings);
      else if (settings.enabled) await this.#enable(settings.id);
    }
    for (const settings of wanted) this.#schedule(settings, before.get(settings.id));
    const all = new Set(wanted.map(({ id }) => id));
    for (const id of this.#metrics.keys()) if (!all.has(id)) this.#metrics.delete(id);
  }

  async remove(id: OriginId): Promise<void> {
    const { routing, roots, federation, scans } = this.ports;
    this.#settings.delete(id);
    this.#localRoots.delete(id);
    this.#intervalsMs.delete(id);
    const scanEnded = scans.remove(id);
    routing.vacate(id);
    roots.remove(id);
    await federation.remove(id);
    await scanEnded;
  }

  /** True when the origin is open with settings that serve as well as these. */
  #isOpen(settings: OriginSettings): boolean {
    const known = this.#settings.get(settings.id);
    return known !== undefined && Bun.deepEquals(forOpening(known), forOpening(settings));
  }

  async #add(settings: OriginSettings): Promise<void> {
    const { routing, roots, federation, watches, open } = this.ports;
    const { id, priority, enabled } = settings;
    const row = routing.claim(id);
    const metrics = this.metrics(id);
    this.#metrics.set(id, metrics);
    try {
      const { origin, localRoot } = await open(settings, row, metrics);
      this.#settings.set(id, settings);
      if (localRoot !== undefined) this.#localRoots.set(id, localRoot);
      if (enabled) await this.#openRoot(id);
      federation.add(origin, { priority, enabled });
      watches.add(origin);
    } catch (error) {
      this.#settings.delete(id);
      this.#localRoots.delete(id);
      roots.remove(id);
      routing.vacate(id);
      throw error;
    }
  }

  async #enable(id: OriginId): Promise<void> {
    const { federation } = this.ports;
    if (!federation.registry.isEnabled(id)) await this.#openRoot(id);
    federation.enable(id);
  }

  async #openRoot(id: OriginId): Promise<void> {
    const path = this.#localRoots.get(id);
    if (path !== undefined) await this.ports.roots.add(id, path);
  }

  /**
   * Takes over what needs no opening; an origin that is enabled is so once the catalog knows. One
   * that is disabled has nothing open, so that its disk can be unmounted.
   */
  #adjust(settings: OriginSettings): void {
    const { federation, roots } = this.ports;
    const { id, priority, enabled } = settings;
    this.#settings.set(id, settings);
    federation.setPriority(id, priority);
    if (enabled) return;
    federation.disable(id);
    roots.remove(id);
  }

  /** Scans the origin from now on, or no longer. */
  #schedule(settings: OriginSettings, before: OriginSettings | undefined): void {
    const { scans } = this.ports;
    const { id, enabled, pollIntervalSecs } = settings;
    const intervalMs = enabled ? pollIntervalSecs * MS : undefined;
    if (this.#intervalsMs.get(id) === intervalMs) return;
    if (intervalMs === undefined) {
      this.#intervalsMs.delete(id);
      void scans.remove(id);
    } else {
      const isNewPlace =
        before !== undefined && !Bun.deepEquals(placeOf(before), placeOf(settings));
      this.#intervalsMs.set(id, intervalMs);
      scans.add(id, intervalMs, isNewPlace);
    }
  }
}

/** The settings without those that take effect on an open origin. */
function forOpening(settings: OriginSettings): OriginSettings {
  const { pollIntervalSecs: _, revalidateSecs: __, ...rest } = settings;
  const common = { pollIntervalSecs: 0, revalidateSecs: 0, exclude: [] };
  return { ...rest, ...common, priority: 0, enabled: true, prefix: ROOT_PATH };
}

/** The settings that say where an origin's files are. */
function placeOf(settings: OriginSettings): readonly unknown[] {
  const all: Readonly<Record<string, unknown>> = { ...settings };
  return ["originType", "path", "host", "port", "user", "endpoint", "bucket"].map(
    (key) => all[key],
  );
}
