/** The right origin is asked first (F-1, F-3), told from the catalog, settings and health events. */

import type { Replica } from "../../src/core/catalog/catalog.ts";
import type { OriginSettings } from "../../src/core/config/config.ts";
import { HEALTH_CLASS } from "../../src/core/federation/router.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import type { HealthWatch } from "./health_watch.ts";
import type { Life } from "./life.ts";
import type { Setup } from "./operations.ts";
import type { Violate } from "./promises.ts";
import type { Read } from "./read_log.ts";
import type { OriginRequest } from "./storage.ts";
import type { VersionsWatch } from "./versions_watch.ts";
import type { Watch } from "./watch.ts";

export interface RoutingWatchPorts {
  readonly setup: Setup;
  readonly settings: readonly OriginSettings[];
  readonly versions: VersionsWatch;
  readonly health: HealthWatch;
  readonly changes: { readonly configured: number };
  readonly life: Life;
  readonly fail: Violate;
}

const MATCH_RANK = { proved: 0, probable: 1, unverified: 2, different: 3 } as const;
/** Of an origin that is not configured. */
const LAST = 256;

interface Ranked {
  readonly replica: Replica;
  /** Smaller goes first, from left to right. */
  readonly key: readonly [health: number, priority: number, match: number, latencyMs: number];
}

export class RoutingWatch implements Watch {
  readonly #first = new WeakMap<Read, readonly OriginId[]>();
  readonly #underWay = new Map<OriginId, Set<OriginRequest>>();
  /** Monotonic: when an origin was last asked for as much as it does at once. */
  readonly #fullMs = new Map<OriginId, number>();

  constructor(readonly ports: RoutingWatchPorts) {}

  request(request: OriginRequest): void {
    const { origin } = request;
    this.#underWay.set(origin, (this.#underWay.get(origin) ?? new Set()).add(request));
    if (this.#isFull(origin)) this.#fullMs.set(origin, request.startMs);
  }

  readSent(read: Read): void {
    if (!read.alone || this.#isCached(read)) return;
    const first = this.#whoMayBeFirst(read);
    if (first !== undefined && !first.some((id) => this.#isFull(id))) this.#first.set(read, first);
  }

  readAnswered(read: Read): void {
    const { changes, fail } = this.ports;
    if (!read.alone || read.configured !== changes.configured) return;
    const first = this.#first.get(read);
    const asked = read.tries[0]?.origin;
    if (first === undefined || asked === undefined || first.includes(asked)) return;
    // One that was full may have been first, and the read have left it while it waited for its turn.
    if (first.some((id) => (this.#fullMs.get(id) ?? -1) >= read.sentMs)) return;
    fail(
      "right origin first",
      `${read.handle.path}: ${asked} was asked before ${first.join(" or ")}`,
    );
  }

  /** The cache reads other ranges than were asked for, and some ahead. */
  #isCached({ handle }: Read): boolean {
    const { versions, life } = this.ports;
    const replicas = versions.replicas(handle.node.nodeid);
    return replicas.some(({ origin }) => life.assembly.isCached(origin));
  }

  /** True while a read would have to wait for its turn; probes never do. */
  #isFull(id: OriginId): boolean {
    const running = this.#underWay.get(id) ?? new Set();
    for (const each of running) if (each.endMs !== undefined) running.delete(each);
    const turns = [...running].filter(({ kind }) => kind !== "probe").length;
    const { maxConcurrency } = this.ports.setup.origins.find((each) => each.id === id) ?? {};
    return maxConcurrency !== undefined && turns >= maxConcurrency;
  }

  /** Undefined: not known. */
  #whoMayBeFirst({ handle }: Read): readonly OriginId[] | undefined {
    const ranked = this.#rank(handle.node.nodeid, handle.node.sizeBytes);
    const best = ranked.find(({ replica }) => replica.match !== "unverified");
    if (best === undefined || best.key[0] === HEALTH_CLASS.unhealthy) return undefined;
    // Whether one that is not proved was compared before, and how that went, is not known here.
    if (best.replica.match !== "proved") return undefined;
    return ranked
      .filter(({ replica, key }) => replica.match !== "proved" || compare(key, best.key) === 0)
      .filter(({ key }) => compare(key.slice(0, 2), best.key.slice(0, 2)) <= 0)
      .map(({ replica }) => replica.origin);
  }

  #rank(nodeid: number, sizeBytes: number): Ranked[] {
    const { health, settings, life, setup, versions } = this.ports;
    const reports = new Map(life.assembly.federation.report().map((r) => [r.id, r]));
    return versions
      .replicas(nodeid)
      .filter(
        ({ origin, originVersion, match }) =>
          settings.some(({ id, enabled }) => id === origin && enabled) &&
          originVersion.sizeBytes === sizeBytes &&
          match !== "different" &&
          (setup.failover === "probable" || match === "proved"),
      )
      .map((replica): Ranked => {
        const status = health.status(replica.origin) ?? "unknown";
        const { priority = LAST } = settings.find(({ id }) => id === replica.origin) ?? {};
        const latencyMs = Math.floor(reports.get(replica.origin)?.latencyP50Ms ?? 0);
        const key = [HEALTH_CLASS[status], priority, MATCH_RANK[replica.match], latencyMs] as const;
        return { replica, key };
      })
      .sort((a, b) => compare(a.key, b.key));
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < a.length; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
