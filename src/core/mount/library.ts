/**
 * A mounted library: everything that runs between `start` and `stop`, put together. What each part
 * does is its own file's business; here is who knows whom, and the order of beginning and end.
 */

import { join } from "node:path";
import { SqliteCatalogReader } from "../catalog/reader.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import { isOriginFailure, messageOf, OwnError } from "../errors.ts";
import type { EventBus } from "../events.ts";
import { Federation } from "../federation/federation.ts";
import { abortConnection, type Mounted, mount, raiseReadahead } from "../fuse/device.ts";
import { MAX_ORIGINS } from "../limits.ts";
import type { Logger } from "../log.ts";
import type { OriginPorts } from "../origins/build.ts";
import type { OriginId } from "../origins/origin.ts";
import { libc } from "../sys/libc.ts";
import { FuseThread } from "../threads/fuse_thread.ts";
import { Notifier } from "../threads/notifier.ts";
import { ReaderPool } from "../threads/reader_pool.ts";
import { SharedState } from "../threads/shared_state.ts";
import { StoreThread } from "../threads/store.ts";
import type { Ownership } from "../vfs/attributes.ts";
import type { Deferred } from "../vfs/deferred.ts";
import type { RoutingTable } from "../vfs/routing_table.ts";
import { lockCache } from "./cache_lock.ts";
import { CatalogUpdates } from "./catalog_updates.ts";
import { LocalRoots } from "./local_roots.ts";
import { originOpener } from "./origin_opener.ts";
import { OriginScanner } from "./origin_scanner.ts";
import { OriginSet } from "./origin_set.ts";
import { checkPlacement } from "./placement.ts";
import { type RequestService, requestService } from "./request_service.ts";
import { Scans } from "./scans.ts";

/** How long `stop` waits for the FUSE thread to notice that the mount is gone. */
const END_PATIENCE_MS = 2000;
/** How often the reader threads' latencies are handed to the router. */
const COLLECT_LATENCIES_MS = 1000;
const MS = 1000;

export interface LibraryOptions {
  readonly config: Config;
  /** Told of everything that happens, from the first origin on. */
  readonly events: EventBus;
  readonly log: Logger;
  /** Refuse to start while an enabled origin was never listed. */
  readonly requireAll: boolean;
  /** What origins are given beside the usual, by id: tests put faults in here. */
  readonly originExtras?: (id: string) => Partial<OriginPorts>;
}

export class Library {
  readonly events: EventBus;
  /** Resolves when the mount is gone, whoever ended it; rejects when serving it failed. */
  readonly ended: Promise<void>;
  readonly #end = Promise.withResolvers<void>();
  readonly #cleanUp = new AsyncDisposableStack();
  readonly #clock: Clock = systemClock;
  readonly #state = new SharedState();
  #mounted: Mounted | undefined;
  #service: RequestService | undefined;

  private constructor(readonly options: LibraryOptions) {
    this.events = options.events;
    this.ended = this.#end.promise;
    this.ended.catch(() => undefined);
  }

  /**
   * Mounts and serves. Rejects with OwnError `config`, `busy`, `catalog` or `mount`, and then
   * nothing is left behind.
   */
  static async start(options: LibraryOptions): Promise<Library> {
    const library = new Library(options);
    try {
      await library.#start();
      return library;
    } catch (error) {
      await library.stop();
      throw error;
    }
  }

  /** Where it is mounted, as the mount table has it. */
  get mountPoint(): string {
    return this.#mounted?.mountPoint ?? this.options.config.mountPoint;
  }

  /**
   * Ends everything, in the reverse order of its beginning. The mount is gone already, or is
   * aborted: programs that still use it get errors. Idempotent.
   */
  async stop(): Promise<void> {
    this.#service?.close();
    await this.#cleanUp.disposeAsync();
  }

  async #start(): Promise<void> {
    const { config, log, requireAll } = this.options;
    const cleanUp = this.#cleanUp;
    const localPaths = config.origins.flatMap((origin) =>
      "path" in origin && origin.originType !== "s3" && origin.originType !== "sftp"
        ? [{ id: origin.id, path: origin.path }]
        : [],
    );
    const { mountPoint, cacheDir } = config;
    checkPlacement({ mountPoint, cacheDir, origins: localPaths });
    cleanUp.use(lockCache(cacheDir, mountPoint));

    const catalogFile = join(cacheDir, "catalog.db");
    const writer = cleanUp.adopt(await StoreThread.open(catalogFile), (store) => store.close());
    if (writer.notice !== undefined) log.warn(writer.notice);
    const updates = new CatalogUpdates(this.events);
    await writer.configureOrigins(config.origins);
    const catalog = cleanUp.adopt(new SqliteCatalogReader(catalogFile), (c) => c.close());
    if (requireAll) requireListed(config, (id) => catalog.lastCompleteScanMs(id));

    const mounted = await mount({ mountPoint, allowOther: config.mount.allowOther });
    this.#mounted = mounted;
    cleanUp.defer(() => void libc().close(mounted.fd));

    const onFault = (message: string) => log.error(message);
    const early: Deferred[] = [];
    const onDeferred = (deferred: Deferred) => {
      if (this.#service === undefined) early.push(deferred);
      else this.#service.defer(deferred);
    };
    const state = this.#state;
    const readers = cleanUp.use(new ReaderPool({ state, fuseFd: mounted.fd, onDeferred, onFault }));
    const roots = cleanUp.adopt(new LocalRoots(state.routing, this.#clock), (r) => r.close());
    const federation = new Federation({
      clock: this.#clock,
      events: this.events,
      health: config.health,
      read: config.read,
      findings: {
        setFingerprint: async (version, fingerprint) =>
          updates.apply(await writer.setFingerprint(version, fingerprint)),
        setSha256: async (version, hash) => updates.apply(await writer.setSha256(version, hash)),
        setDifferent: (version, other) => writer.setDifferent(version, other),
      },
      isBusy: threadsAreReading(state.routing),
      onError(error) {
        // An origin's failures show in its health.
        if (!isOriginFailure(error)) onFault(messageOf(error));
      },
    });
    cleanUp.defer(() => federation.close());
    federation.onRoutingChange((order) => {
      const usable = order.origins.map(({ id, status }) => ({
        id,
        usable: status !== "unhealthy",
      }));
      state.routing.publish(usable);
    });

    const scanner = new OriginScanner({
      catalog: writer,
      updates,
      federation,
      events: this.events,
      exclude: (id) => origins.settings(id)?.exclude ?? [],
      cacheDir,
    });
    const usable = (id: OriginId) =>
      federation.registry.isEnabled(id) && federation.health.status(id) !== "unhealthy";
    const scans = new Scans({
      clock: this.#clock,
      random: Math.random,
      scan: scanner.scan,
      usable,
      onFault: (message) => log.warn(message),
    });
    cleanUp.defer(() => scans.close());
    const origins = new OriginSet({
      routing: state.routing,
      roots,
      federation,
      scans,
      open: originOpener({
        clock: this.#clock,
        readers,
        ...(this.options.originExtras === undefined ? {} : { extras: this.options.originExtras }),
      }),
    });

    for (const settings of config.origins) await origins.add(settings);

    const owner = ownership(config);
    const fuse = new FuseThread(
      {
        shared: state.buffers,
        fuseFd: mounted.fd,
        catalogFile,
        owner,
        passthrough: config.mount.passthrough === "all" && process.getuid?.() === 0,
      },
      { onDeferred, onFault },
    );
    cleanUp.defer(() => this.#endConnection(fuse));
    fuse.ended.then(this.#end.resolve, this.#end.reject);
    const negotiated = await fuse.ready;
    raiseReadahead(mounted.connection);
    const notifier = new Notifier(mounted.fd, negotiated.expireOnly, state.seen, onFault);
    cleanUp.defer(() => notifier.close());
    updates.connect(notifier);

    this.#service = requestService({
      clock: this.#clock,
      syscalls: libc(),
      state,
      catalog,
      writer,
      updates,
      federation,
      owner,
      negotiated,
      onMismatch: config.read.onMismatch,
      readDeadlineMs: config.read.readDeadlineMs,
      list: scanner.list,
      believedMs: (id) => (origins.settings(id)?.revalidateSecs ?? 0) * MS,
      watched: () => false,
      reply: (reply, length) => void libc().write(mounted.fd, reply.address, length),
      onOutcome: () => undefined,
      onFault,
    });
    for (const deferred of early.splice(0)) this.#service.defer(deferred);
    cleanUp.use(this.#collectLatencies(federation));
    cleanUp.use(
      this.events.subscribe((event) => {
        if (event.type !== "recovered") return;
        this.#service?.originRecovered();
        scans.recovered(event.origin);
        void roots.refresh(event.origin);
      }),
    );
  }

  /** What the reader threads measured counts like any other read (F-2). */
  #collectLatencies(federation: Federation): Disposable {
    const { latencies, routing } = this.#state;
    let timer = this.#clock.schedule(COLLECT_LATENCIES_MS, collect);
    const clock = this.#clock;
    function collect(): void {
      for (const origin of federation.registry.list()) {
        const row = routing.indexOf(origin.id);
        if (row >= 0) latencies.collect(row, (ms) => federation.recordLatency(origin, ms));
      }
      timer = clock.schedule(COLLECT_LATENCIES_MS, collect);
    }
    return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
  }

  /** The FUSE thread ends when the mount does; a mount that is still there is aborted. */
  async #endConnection(fuse: FuseThread): Promise<void> {
    const mounted = this.#mounted;
    const ended = fuse.ended.then(
      () => true,
      () => true,
    );
    const patience = Bun.sleep(END_PATIENCE_MS).then(() => false);
    if (!(await Promise.race([ended, patience])) && mounted !== undefined) {
      abortConnection(mounted.connection, mounted.mountPoint);
      await Promise.race([ended, Bun.sleep(END_PATIENCE_MS)]);
    }
    fuse.terminate();
  }
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

function requireListed(config: Config, lastScanMs: (id: OriginId) => number): void {
  const missing = config.origins
    .filter(({ id, enabled }) => enabled && lastScanMs(id) === 0)
    .map(({ id }) => id);
  if (missing.length === 0) return;
  throw new OwnError(
    "mount",
    `--require-all: never listed so far: ${missing.join(", ")}; run musicfs scan ${missing.join(" ")} first, or mount without --require-all`,
  );
}

function ownership({ mount: settings }: Config): Ownership {
  const callerUid = process.getuid?.() ?? 0;
  const callerGid = process.getgid?.() ?? 0;
  const asCaller = callerUid !== 0;
  return {
    uid: settings.uid ?? (asCaller ? callerUid : undefined),
    gid: settings.gid ?? (asCaller ? callerGid : undefined),
    callerUid,
    callerGid,
  };
}
