/**
 * The main thread of a mounted library, put together: origins, federation, scans, and what is done
 * for requests of the kernel. Everything that leads out of it (threads, disks, the kernel, time,
 * chance) is a port, so that the simulator of test/model runs this very assembly in one thread.
 *
 * Who knows whom stands here; what each part does is its own file's business.
 */

import type { BlockCache } from "../cache/block_cache.ts";
import { NOTHING_READ, type ReadSources } from "../cache/reader.ts";
import type { CatalogReader, CatalogWriter } from "../catalog/catalog.ts";
import type { Clock, Random } from "../clock.ts";
import type { Config } from "../config/config.ts";
import { messageOf, OriginError } from "../errors.ts";
import type { EventBus, MusicFsEvent } from "../events.ts";
import { Federation } from "../federation/federation.ts";
import type { Negotiated } from "../fuse/session.ts";
import { MAX_ORIGINS } from "../limits.ts";
import type { OriginId } from "../origins/origin.ts";
import type { Syscalls } from "../sys/libc.ts";
import type { KernelCache } from "../threads/notifier.ts";
import type { SharedState } from "../threads/shared_state.ts";
import type { Ownership } from "../vfs/attributes.ts";
import type { Deferred } from "../vfs/deferred.ts";
import type { RoutingTable } from "../vfs/routing_table.ts";
import { CatalogUpdates } from "./catalog_updates.ts";
import type { KernelReplies } from "./kernel_replies.ts";
import { LatencyCollector } from "./latency_collector.ts";
import { LocalRoots } from "./local_roots.ts";
import { OriginScanner } from "./origin_scanner.ts";
import { type OpenOrigin, OriginSet } from "./origin_set.ts";
import { OriginWatches } from "./origin_watches.ts";
import {
  type PassthroughPorts,
  type RequestService,
  type RequestServicePorts,
  requestService,
  type Waiting,
} from "./request_service.ts";
import { Scans } from "./scans.ts";

const MS = 1000;

const NOTHING_WAITS: Waiting = {
  ...{ reads: 0, listings: 0, files: 0, versions: 0, filesAhead: 0, memoryBytes: 0 },
};

export interface AssemblyPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly config: Pick<Config, "health" | "read">;
  readonly events: EventBus;
  readonly state: SharedState;
  readonly writer: CatalogWriter;
  readonly catalog: CatalogReader;
  /** Contents of files, kept on disk. */
  readonly blocks: BlockCache;
  /** What the kernel may read by itself. Default: nothing that is cached. */
  readonly passthrough?: PassthroughPorts;
  /** Whether an album's next track is fetched while one is read. Default: it is not. */
  readonly prefetch?: boolean;
  /** Where the locks of scans are. */
  readonly cacheDir: string;
  readonly owner: Ownership;
  readonly syscalls: Syscalls;
  readonly open: OpenOrigin;
  /** A text that differs when the machine's network does. Default: its addresses. */
  readonly network?: () => string;
  /** Whether a process still runs. Default: /proc. */
  readonly processLives?: (pid: number) => boolean;
  /** Told of each read that the main thread answered. Default: nobody is. */
  readonly onOutcome?: RequestServicePorts["onOutcome"];
  /** Something that should not happen, for the log. */
  readonly onFault: (message: string) => void;
  /** Something that may happen, for the log. */
  readonly onWarning: (message: string) => void;
}

/** The kernel, once it has said what it can do. */
export interface KernelPorts {
  readonly negotiated: Negotiated;
  readonly reply: KernelReplies;
  readonly cache: KernelCache;
}

export class Assembly implements AsyncDisposable {
  readonly federation: Federation;
  readonly origins: OriginSet;
  readonly scans: Scans;
  readonly updates: CatalogUpdates;
  readonly #scanner: OriginScanner;
  readonly #watches: OriginWatches;
  readonly #latencies: LatencyCollector;
  readonly #cleanUp = new AsyncDisposableStack();
  /** Requests from before there was anybody to serve them. */
  readonly #early: Deferred[] = [];
  #service: RequestService | undefined;
  #closed = false;

  constructor(readonly ports: AssemblyPorts) {
    const { clock, events, state, writer, config } = ports;
    const cleanUp = this.#cleanUp;
    const updates = new CatalogUpdates(events);
    this.updates = updates;
    const roots = cleanUp.adopt(new LocalRoots(state.routing, clock), (r) => r.close());
    const federation = new Federation({
      clock,
      events,
      health: config.health,
      read: config.read,
      findings: {
        setFingerprint: async (version, fingerprint) =>
          updates.apply(await writer.setFingerprint(version, fingerprint)),
        setSha256: async (version, hash) => updates.apply(await writer.setSha256(version, hash)),
        setDifferent: (version, other) => writer.setDifferent(version, other),
      },
      isBusy: threadsAreReading(state.routing),
      ...(ports.network === undefined ? {} : { network: ports.network }),
      onError(error) {
        // An origin's failures show in its health, and a file that changed is nobody's fault.
        if (!(error instanceof OriginError)) ports.onFault(messageOf(error));
      },
    });
    this.federation = federation;
    cleanUp.defer(() => federation.close());
    federation.onRoutingChange((order) => {
      const usable = order.origins.map(({ id, status }) => ({
        id,
        usable: status !== "unhealthy",
      }));
      state.routing.publish(usable);
    });

    this.#scanner = new OriginScanner({
      clock,
      catalog: writer,
      updates,
      federation,
      events,
      exclude: (id) => this.origins.settings(id)?.exclude ?? [],
      cacheDir: ports.cacheDir,
      rescan: (id) => scans.rescan(id),
    });
    const usable = (id: OriginId) =>
      federation.registry.isEnabled(id) && federation.health.status(id) !== "unhealthy";
    const scans = new Scans({
      clock,
      random: ports.random,
      scan: this.#scanner.scan,
      usable,
      watched: (id) => watches.isWatched(id),
      onFault: ports.onWarning,
    });
    this.scans = scans;
    cleanUp.defer(() => scans.close());
    const watches = new OriginWatches({
      clock,
      hold: (origin, watch) => federation.registry.holdWatch(origin, watch),
      list: this.#scanner.list,
      rescan: (id) => scans.rescan(id),
      isShown: this.#scanner.shows,
      onWatching: (origin) => events.emit({ type: "origin_watched", origin }),
      onWarning: ports.onWarning,
    });
    this.#watches = watches;
    const { open } = ports;
    const { routing, latencies } = state;
    this.#latencies = cleanUp.use(new LatencyCollector(clock, federation, routing, latencies));
    const parts = { roots, federation, scans, watches, writer, updates };
    this.origins = new OriginSet({ routing, open, ...parts });
    cleanUp.use(
      events.subscribe((event) => {
        if (isGoodNews(event)) this.#service?.originRecovered();
        if (event.type !== "recovered") return;
        scans.recovered(event.origin);
        watches.recovered(event.origin);
        void roots.refresh(event.origin);
      }),
    );
  }

  /** A request that the FUSE or a reader thread could not answer; those before `serve` wait for it. */
  readonly defer = (deferred: Deferred): void => {
    // The mount is gone: nobody waits for an answer.
    if (this.#closed) return;
    if (this.#service === undefined) this.#early.push(deferred);
    else this.#service.defer(deferred);
  };

  /** The reader threads have samples for the router. */
  measured(): void {
    this.#latencies.announced();
  }

  /** From now on requests are answered and the kernel is told of changes. */
  serve({ negotiated, reply, cache }: KernelPorts): void {
    const { config, processLives, onOutcome, ...ports } = this.ports;
    this.updates.connect(cache);
    this.#service = requestService({
      ...ports,
      updates: this.updates,
      federation: this.federation,
      negotiated,
      failover: config.read.failover,
      onMismatch: config.read.onMismatch,
      readDeadlineMs: config.read.readDeadlineMs,
      list: this.#scanner.list,
      believedMs: (id) => (this.origins.settings(id)?.revalidateSecs ?? 0) * MS,
      watched: (id) => this.#watches.isWatched(id),
      isReadAhead: (id) => this.#isReadAhead(id),
      isCached: (id) => this.isCached(id),
      prefetch: ports.prefetch ?? false,
      reply,
      onOutcome: onOutcome ?? (() => undefined),
      ...(processLives === undefined ? {} : { processLives }),
    });
    for (const deferred of this.#early.splice(0)) this.#service.defer(deferred);
  }

  /** What is under way for requests; all zero when nobody uses the mount. */
  get waiting(): Waiting {
    return this.#service?.waiting ?? NOTHING_WAITS;
  }

  /** Where the bytes of reads through the cache came from so far. */
  get sources(): ReadSources {
    return this.#service?.sources ?? NOTHING_READ;
  }

  /** Opens of cached files so far that the kernel reads by itself. */
  get opensPassedThrough(): number {
    return this.#service?.opensPassedThrough ?? 0;
  }

  /** Whether an origin's bytes are kept in the cache. */
  isCached(origin: OriginId): boolean {
    return this.origins.settings(origin)?.cache ?? false;
  }

  /** The kernel reads ahead on this machine's own disks, and gets nothing faster there. */
  #isReadAhead(origin: OriginId): boolean {
    const settings = this.origins.settings(origin);
    return settings !== undefined && (settings.cache || settings.originType !== "local");
  }

  /** Gives up the requests under way; each is still answered. */
  giveUpRequests(): void {
    this.#service?.close();
  }

  /** Ends everything, in the reverse order of its beginning. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.giveUpRequests();
    await this.#cleanUp.disposeAsync();
    await this.#service?.settled();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** An origin may show what it did not before: it is well again, or could be listed. */
function isGoodNews(event: MusicFsEvent): boolean {
  if (event.type === "health_changed") return event.to === "healthy";
  return event.type === "scan_finished" && event.outcome !== "failed";
}

/** Whether the FUSE or reader threads have answered reads since the last call. */
function threadsAreReading(routing: RoutingTable): () => boolean {
  let before = 0;
  return () => {
    let reads = 0;
    for (let row = 0; row < MAX_ORIGINS; row++) reads += routing.counter(row, "reads");
    const busy = reads !== before;
    before = reads;
    return busy;
  };
}
