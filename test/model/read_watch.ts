/**
 * What must hold of reads: the right origin is asked first (F-1, F-3), retries come after exactly
 * 100, 500 and 2000 ms (NFR-7.3), a read with a good replica succeeds (F-8), bytes are of one version.
 */

import type { Replica } from "../../src/core/catalog/catalog.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { OriginSettings } from "../../src/core/config/config.ts";
import { MusicFsError } from "../../src/core/errors.ts";
import { HEALTH_CLASS } from "../../src/core/federation/router.ts";
import { RETRY_DELAYS_MS } from "../../src/core/limits.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import { EBADF, EINTR, errnoName } from "../../src/core/sys/errno.ts";
import type { HealthWatch } from "./health_watch.ts";
import type { FileHandle, Outcome } from "./kernel.ts";
import type { Life } from "./life.ts";
import type { Setup } from "./operations.ts";
import type { OriginRequest, Storage } from "./storage.ts";
import type { VersionsWatch } from "./versions_watch.ts";

/** What is known of the world that reads are judged by. */
export interface ReadWatchPorts {
  readonly clock: Clock;
  readonly setup: Setup;
  readonly storages: ReadonlyMap<OriginId, Storage>;
  readonly settings: readonly OriginSettings[];
  readonly versions: VersionsWatch;
  readonly health: HealthWatch;
  readonly changes: Readonly<Record<"configured" | "stored", number>>;
  /** The program that is mounted now. */
  readonly life: Life;
  readonly isEnabled: (id: OriginId) => boolean;
  readonly fail: (rule: string, detail: string) => void;
}

/** Faults of before have no effect any more: operations end within 30 s. */
const CALM_MS = 31_000;
/** With less, reads may end before every silent origin was waited for. */
const FULL_DEADLINE_MS = 30_000;

const AT_ONCE: readonly string[] = ["connection", "timeout", "io", "device_gone", "overloaded"];

interface GoodReplica {
  readonly replica: Replica;
  readonly atMs: number;
  readonly configured: number;
  readonly stored: number;
}

/** A READ under way. */
export interface SentRead {
  readonly sentMs: number;
  readonly lengthBytes: number;
  readonly good: readonly GoodReplica[];
  /** Who may be asked first; undefined: not known. */
  readonly first: readonly OriginId[] | undefined;
  /** The only replica there is, on an origin in order. */
  readonly lone: Replica | undefined;
  readonly configured: number;
  /** Requests made before it. */
  readonly requests: number;
  /** No other READ was under way at any time. */
  alone: boolean;
}

export class ReadWatch {
  #requests: OriginRequest[] = [];
  readonly #underWay = new Set<SentRead>();
  readonly #interrupted = new WeakSet<FileHandle>();
  /** Handles that were served by a replica that is not proved. */
  readonly #unproved = new Set<FileHandle>();

  constructor(readonly world: ReadWatchPorts) {}

  request(request: OriginRequest): void {
    if (request.kind === "read") this.#requests.push(request);
  }

  forget(): void {
    this.#underWay.clear();
    this.#requests = [];
    this.#unproved.clear();
  }

  interrupted(handle: FileHandle): void {
    this.#interrupted.add(handle);
  }

  closing(handle: FileHandle): void {
    this.#unproved.delete(handle);
  }

  /** Nodes some of whose pages may be another replica's now. */
  mayHaveUnprovedPages(nodeid: number): boolean {
    return [...this.#unproved].some(({ node }) => node.nodeid === nodeid);
  }

  sent(handle: FileHandle, offsetBytes: number, askedBytes: number): SentRead {
    const { nodeid, sizeBytes } = handle.node;
    const lengthBytes = Math.max(0, Math.min(askedBytes, sizeBytes - offsetBytes));
    const alone = this.#underWay.size === 0;
    if (alone) this.#requests = [];
    for (const other of this.#underWay) other.alone = false;
    const replicas = this.world.versions.replicas(nodeid);
    const read: SentRead = {
      sentMs: this.world.clock.monotonicMs(),
      lengthBytes,
      good: this.goodReplicas(nodeid),
      first: this.#first(replicas, sizeBytes),
      lone: this.#lone(replicas),
      configured: this.world.changes.configured,
      requests: this.#requests.length,
      alone,
    };
    this.#underWay.add(read);
    return read;
  }

  /** True when the bytes are another replica's. */
  answered(
    handle: FileHandle,
    offsetBytes: number,
    result: Outcome<Uint8Array>,
    read: SentRead,
  ): boolean {
    this.#underWay.delete(read);
    const tries = this.#requests
      .slice(read.requests)
      .filter((r) => r.offsetBytes === offsetBytes && r.lengthBytes === read.lengthBytes);
    if (read.alone && read.configured === this.world.changes.configured) {
      this.#checkFirst(handle, read, tries);
      if (!this.#interrupted.has(handle)) this.#checkDelays(handle, read, tries, result);
    }
    if ("errno" in result) {
      this.#checkFailure(handle, read, result.errno);
      return false;
    }
    const found = this.world.versions.read(handle.node.nodeid, offsetBytes, result.ok);
    const isUnproved = found === "probable" || found === "unverified";
    if (isUnproved && this.world.life.kernel.handles.has(handle)) this.#unproved.add(handle);
    return isUnproved;
  }

  /** Own replicas of the node on origins to which nothing happens. */
  goodReplicas(nodeid: number): readonly GoodReplica[] {
    const { world } = this;
    if (world.setup.readDeadlineMs < FULL_DEADLINE_MS) return [];
    const atMs = world.clock.monotonicMs();
    const { configured, stored } = world.changes;
    return world.versions
      .ownReplicas(nodeid)
      .filter((replica) => this.#isGood(replica))
      .map((replica) => ({ replica, atMs, configured, stored }));
  }

  /** True when one of them was good all the time. */
  stillGood(good: readonly GoodReplica[]): boolean {
    const { changes } = this.world;
    return good.some(
      ({ replica, configured, stored }) =>
        configured === changes.configured && stored === changes.stored && this.#isGood(replica),
    );
  }

  /** Nothing was made to fail for so long that nothing does any more. */
  get allCalm(): boolean {
    const nowMs = this.world.clock.monotonicMs();
    return [...this.world.storages.values()].every((s) => s.calmSinceMs + CALM_MS <= nowMs);
  }

  #isGood({ origin, path, originVersion }: Replica): boolean {
    const { world } = this;
    const storage = world.storages.get(origin);
    const status = world.health.status(origin);
    if (storage === undefined || !world.isEnabled(origin)) return false;
    if (status === undefined || status === "unhealthy") return false;
    if (storage.calmSinceMs + CALM_MS > world.clock.monotonicMs()) return false;
    return storage.isNow(path, originVersion);
  }

  #first(replicas: readonly Replica[], sizeBytes: number): readonly OriginId[] | undefined {
    const { world } = this;
    const { failover } = world.setup;
    const reports = new Map(world.life.assembly.federation.report().map((r) => [r.id, r]));
    const fitting = replicas.filter(
      ({ origin, originVersion, match }) =>
        world.isEnabled(origin) &&
        originVersion.sizeBytes === sizeBytes &&
        match !== "different" &&
        (failover === "probable" || match === "proved"),
    );
    const ranked = fitting.map((replica) => {
      const status = world.health.status(replica.origin) ?? "unknown";
      const { priority = 256 } = world.settings.find(({ id }) => id === replica.origin) ?? {};
      const rank = { proved: 0, probable: 1, unverified: 2, different: 3 }[replica.match];
      const p50 = Math.floor(reports.get(replica.origin)?.latencyP50Ms ?? 0);
      return { replica, key: [HEALTH_CLASS[status], priority, rank, p50] };
    });
    ranked.sort((a, b) => compare(a.key, b.key));
    const best = ranked.find(({ replica }) => replica.match !== "unverified");
    if (best === undefined || best.key[0] === HEALTH_CLASS.unhealthy) return undefined;
    // Whether one that is not proved was compared before, and how that went, is not known here.
    if (best.replica.match !== "proved") return undefined;
    return ranked
      .filter(({ replica, key }) => replica.match !== "proved" || compare(key, best.key) === 0)
      .filter(({ key }) => compare(key.slice(0, 2), best.key.slice(0, 2)) <= 0)
      .map(({ replica }) => replica.origin);
  }

  #lone(replicas: readonly Replica[]): Replica | undefined {
    const { world } = this;
    const [replica, ...others] = replicas;
    if (replica === undefined || others.length > 0 || replica.match !== "proved") return undefined;
    if (world.setup.readDeadlineMs < FULL_DEADLINE_MS) return undefined;
    const status = world.health.status(replica.origin);
    return status === undefined || status === "unhealthy" ? undefined : replica;
  }

  #checkFirst(handle: FileHandle, { first }: SentRead, tries: readonly OriginRequest[]): void {
    const asked = tries[0]?.origin;
    if (first === undefined || asked === undefined || first.includes(asked)) return;
    const detail = `${handle.path}: ${asked} was asked before ${first.join(" or ")}`;
    this.world.fail("right origin first", detail);
  }

  #checkDelays(
    handle: FileHandle,
    { lone }: SentRead,
    tries: readonly OriginRequest[],
    result: Outcome<unknown>,
  ): void {
    if (lone === undefined || tries.length === 0) return;
    const failed = "errno" in result ? tries : tries.slice(0, -1);
    for (const { origin, error, startMs, endMs } of failed) {
      if (origin !== lone.origin || startMs !== endMs) return;
      if (!(error instanceof MusicFsError) || !AT_ONCE.includes(error.code)) return;
    }
    const gaps = tries.slice(1).map(({ startMs }, n) => startMs - (tries[n]?.startMs ?? 0));
    const expected = RETRY_DELAYS_MS.slice(0, "errno" in result ? undefined : gaps.length);
    if (gaps.length > RETRY_DELAYS_MS.length || !Bun.deepEquals(gaps, [...expected])) {
      const detail = `${handle.path}: tries after ${gaps.join(", ")} ms`;
      this.world.fail("delays of 100, 500, 2000 ms", detail);
    }
  }

  #checkFailure(handle: FileHandle, { good, sentMs }: SentRead, errno: number): void {
    const isExpected = errno === EINTR || errno === EBADF;
    if (isExpected && this.#interrupted.has(handle)) return;
    if (this.world.life.clock.dead || !this.stillGood(good)) return;
    const tookMs = this.world.clock.monotonicMs() - sentMs;
    const detail = `read ${handle.path}: ${errnoName(errno)} after ${tookMs} ms`;
    this.world.fail("a good replica serves", detail);
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < a.length; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
