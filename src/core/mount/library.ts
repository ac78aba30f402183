/**
 * A mounted library: everything that runs between `start` and `stop`. The kernel's connection, the
 * threads and the catalog's files are here, with the order of beginning and end; what the main thread
 * does with them is `assembly.ts`.
 */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { NoBlockCache } from "../cache/no_block_cache.ts";
import type { StoredBlockCache } from "../cache/stored_block_cache.ts";
import { readerCacheKib, SqliteCatalogReader } from "../catalog/reader.ts";
import { systemClock } from "../clock.ts";
import type { Config, OriginSettings } from "../config/config.ts";
import { OwnError } from "../errors.ts";
import type { EventBus } from "../events.ts";
import {
  AbortOnDeath,
  abortConnection,
  backingClose,
  backingOpen,
  cleanUpDeadMount,
  type Mounted,
  mount,
  raiseReadahead,
} from "../fuse/device.ts";
import type { Logger } from "../log.ts";
import type { OriginPorts } from "../origins/build.ts";
import type { OriginId } from "../origins/origin.ts";
import { type OriginUsage, UsageLedger, usageFile } from "../origins/usage.ts";
import { CachedDescriber } from "../sync/describe_cached.ts";
import { libc } from "../sys/libc.ts";
import { CacheThread } from "../threads/cache.ts";
import { FuseThread } from "../threads/fuse_thread.ts";
import { Notifier } from "../threads/notifier.ts";
import { ReaderPool } from "../threads/reader_pool.ts";
import { SharedState } from "../threads/shared_state.ts";
import { StoreThread } from "../threads/store.ts";
import { Watcher } from "../threads/watcher.ts";
import type { Ownership } from "../vfs/attributes.ts";
import type { Deferred } from "../vfs/deferred.ts";
import type { BackingFiles } from "../vfs/passthrough.ts";
import { Assembly, type AssemblyPorts } from "./assembly.ts";
import { lockCache } from "./cache_lock.ts";
import { CachedLibrary } from "./cached_library.ts";
import { DeltaFollower } from "./delta_follower.ts";
import { DeltaSync } from "./delta_sync.ts";
import type { KernelReplies } from "./kernel_replies.ts";
import { originOpener } from "./origin_opener.ts";
import { checkPlacement, placesOf } from "./placement.ts";

/** How long `start` waits for the first look at the mount, which nothing can delay but a busy machine. */
const LOOK_PATIENCE_MS = 2000;
/** How long `stop` waits for the FUSE thread to notice that the mount is gone. */
const END_PATIENCE_MS = 2000;

export interface LibraryOptions {
  readonly config: Config;
  /** Told of everything that happens, from the first origin on. */
  readonly events: EventBus;
  readonly log: Logger;
  /** Refuse to start while an enabled origin was never listed. */
  readonly requireAll: boolean;
  /** Told of each read that the main thread answered. */
  readonly onOutcome?: AssemblyPorts["onOutcome"];
  /** What origins are given beside the usual, by id: tests put faults in here. */
  readonly originExtras?: (id: string) => Partial<OriginPorts>;
}

export class Library {
  readonly events: EventBus;
  /** Resolves when the mount is gone, whoever ended it; rejects when serving it failed. */
  readonly ended: Promise<void>;
  readonly #end = Promise.withResolvers<void>();
  readonly #cleanUp = new AsyncDisposableStack();
  #mounted: Mounted | undefined;
  #assembly: Assembly | undefined;
  #usage: UsageLedger | undefined;
  #cache: CachedLibrary | undefined;
  #describer: CachedDescriber | undefined;

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
      library.abort();
      await library.stop();
      throw error;
    }
  }

  /** Where it is mounted, as the mount table has it. */
  get mountPoint(): string {
    return this.#mounted?.mountPoint ?? this.options.config.mountPoint;
  }

  /** What the main thread does for it. */
  get assembly(): Assembly {
    if (this.#assembly === undefined) throw new Error("the library was not started");
    return this.#assembly;
  }

  /** What its origins cost; as `OriginReport.usage`. */
  readonly usageOf = ({ id, originType }: OriginSettings): OriginUsage | undefined =>
    originType === "local" ? undefined : this.#usage?.usage(id);

  /** What is kept on disk; undefined when nothing is (`content_cache_gb = 0`). */
  get cache(): CachedLibrary | undefined {
    return this.#cache;
  }

  /** Stops serving although the mount may still be in use: its requests fail. `ended` resolves. */
  abort(): void {
    const mounted = this.#mounted;
    if (mounted !== undefined) abortConnection(mounted.connection, mounted.mountPoint);
    this.#end.resolve();
  }

  /**
   * Ends everything, in the reverse order of its beginning. The mount is gone already, or is
   * aborted: programs that still use it get errors. Idempotent.
   */
  async stop(): Promise<void> {
    this.#assembly?.giveUpRequests();
    this.#cache?.close();
    await this.#cleanUp.disposeAsync();
  }

  async #start(): Promise<void> {
    const { config, log, requireAll } = this.options;
    const cleanUp = this.#cleanUp;
    const { mountPoint, cacheDir } = config;
    checkPlacement(placesOf(config));
    const lockPorts = { clock: systemClock, cleanUpDeadMount };
    cleanUp.use(await lockCache(cacheDir, mountPoint, lockPorts));

    const usage = cleanUp.use(await openUsage(cacheDir, log));
    this.#usage = usage;
    const onFault = (message: string) => log.error(message);
    const onDeferred = (deferred: Deferred) => this.#assembly?.defer(deferred);
    const catalogFile = join(cacheDir, "catalog.db");
    const storing = StoreThread.open(catalogFile);
    const opening = this.#openCache();
    // Started before it is needed: its code is loaded while the catalog is opened.
    const fuse = new FuseThread({ onDeferred, onFault });
    cleanUp.defer(() => fuse.terminate());
    const state = new SharedState();
    const writer = cleanUp.adopt(await storing, (store) => store.close());
    if (writer.notice !== undefined) log.warn(writer.notice);
    await writer.configureOrigins(config.origins);
    const catalogCacheKib = readerCacheKib(config.cache.metadataCacheBytes);
    const catalog = cleanUp.adopt(
      new SqliteCatalogReader(catalogFile, { cacheKib: catalogCacheKib }),
      (c) => c.close(),
    );
    if (requireAll) requireListed(config, (id) => catalog.lastCompleteScanMs(id));

    const contents = await opening;
    const mounted = await mount({ mountPoint, allowOther: config.mount.allowOther });
    this.#mounted = mounted;
    cleanUp.defer(() => endMount(mounted));

    cleanUp.defer(() => log.debug("requests of the kernel", state.requests.byName()));
    const onMeasured = () => this.#assembly?.measured();
    const readers = cleanUp.use(
      new ReaderPool({ state, fuseFd: mounted.fd, onDeferred, onMeasured, onFault }),
    );
    const watcher = cleanUp.use(new Watcher(onFault));
    const owner = ownership(config);
    const { originExtras, onOutcome } = this.options;
    // The kernel lets nobody else register backing files.
    const passthrough = process.getuid?.() === 0 ? config.mount.passthrough : "off";
    const assembly = cleanUp.use(
      new Assembly({
        clock: systemClock,
        random: Math.random,
        config,
        events: this.events,
        state,
        writer,
        catalog,
        blocks: contents?.blocks ?? new NoBlockCache(),
        ...(contents === undefined || passthrough === "off"
          ? {}
          : { passthrough: { contents: contents.blocks, backing: backingFiles(mounted.fd) } }),
        prefetch: contents !== undefined && config.cache.prefetch,
        cacheDir,
        owner,
        syscalls: libc(),
        open: originOpener({
          clock: systemClock,
          events: this.events,
          usage,
          readers,
          watcher,
          ...(originExtras === undefined ? {} : { extras: originExtras }),
        }),
        ...(onOutcome === undefined ? {} : { onOutcome }),
        onFault,
        onWarning: (message) => log.warn(message),
      }),
    );
    this.#assembly = assembly;
    if (contents !== undefined) {
      const delta = deltaSync(assembly, contents.blocks);
      const cached = new CachedLibrary({
        catalog,
        blocks: contents.blocks,
        calls: (onProgress) => contents.calls(onProgress),
        fetch: (...read) => assembly.federation.read(...read),
        budgetBytes: config.cache.contentCacheBytes,
        reads: () => assembly.sources,
        opensPassedThrough: () => assembly.opensPassedThrough,
        delta,
      });
      this.#cache = cached;
      cleanUp.use(followModified(cached, contents.blocks, assembly));
      this.#describer = cleanUp.use(describeCached(delta));
    }
    fuse.serve({
      shared: state.buffers,
      fuseFd: mounted.fd,
      catalogFile,
      catalogCacheKib,
      owner,
      passthrough,
    });
    cleanUp.defer(() => this.#endConnection(fuse));
    fuse.ended.then(this.#end.resolve, this.#end.reject);
    const negotiated = await fuse.ready;
    raiseReadahead(mounted.connection);
    await lookAtRoot(mounted.mountPoint);
    // Health checks, watches and scans begin now: they would delay the first answers.
    await assembly.origins.configure(config.origins);
    this.#watchOverDeath(mounted);
    const cache = new Notifier(mounted.fd, negotiated.expireOnly, state.seen, onFault);
    cleanUp.defer(() => cache.close());
    const reply: KernelReplies = ({ address }, length) =>
      void libc().write(mounted.fd, address, length);
    assembly.serve({ negotiated, reply, cache });
    // Whoever waits for the mount is told of it first; their jobs wait in the queue meanwhile.
    cleanUp.use(systemClock.schedule(0, () => readers.start()));
  }

  /** From the first notification on. */
  #watchOverDeath(mounted: Mounted): void {
    const { log } = this.options;
    const watch = AbortOnDeath.start(mounted);
    if (watch === undefined)
      log.debug("setpriv is missing: nobody aborts the mount if it is killed");
    else this.#cleanUp.use(watch);
  }

  /** Contents of files on disk, unless the configuration leaves no room for them. */
  async #openCache(): Promise<CacheThread | undefined> {
    const { config, events, log } = this.options;
    const { cacheDir, cache } = config;
    if (cache.contentCacheBytes === 0) return undefined;
    const thread = CacheThread.open({
      cacheDir,
      budgetBytes: cache.contentCacheBytes,
      events,
      isCached: (id) => this.#assembly?.isCached(id) ?? false,
      onWhole: (path) => this.#describer?.note(path),
      onNotice: (message) => log.warn(message),
      onFault: (message) => log.error(message),
    });
    this.#cleanUp.defer(async () => (await thread).close());
    return thread;
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

/** Modified files of which an older version is cached are synced by themselves. */
function followModified(
  cache: CachedLibrary,
  blocks: StoredBlockCache,
  { ports }: Assembly,
): DeltaFollower {
  const { clock, events, onWarning } = ports;
  return new DeltaFollower({
    clock,
    events,
    onWarning,
    outdated: (paths) => cache.outdated(paths),
    cached: () => blocks.paths(),
    sync: (paths) => cache.follow(paths),
  });
}

/** What cached files consist of is found out when they are whole. */
function describeCached({ ports, onDescribed }: DeltaSync): CachedDescriber {
  return new CachedDescriber({ ...ports, onDescribed });
}

function deltaSync(assembly: Assembly, cache: StoredBlockCache): DeltaSync {
  const { federation, ports, updates, origins } = assembly;
  const { clock, catalog, writer } = ports;
  const { registry, health } = federation;
  return new DeltaSync({
    clock,
    catalog,
    writer,
    onChanges: updates.apply,
    onWarning: ports.onWarning,
    cache,
    fetch: (...read) => federation.read(...read),
    settings: (id) => origins.settings(id),
    origin: async (id) =>
      registry.isEnabled(id) && health.status(id) !== "unhealthy" ? registry.get(id) : undefined,
  });
}

function backingFiles(fuseFd: number): BackingFiles {
  return {
    open: (fd) => backingOpen(fuseFd, fd),
    close: (backingId) => void backingClose(fuseFd, backingId),
  };
}

/** Lets go of a mount; what nobody has unmounted is dead then, and is removed. */
async function endMount({ fd, mountPoint }: Mounted): Promise<void> {
  libc().close(fd);
  await cleanUpDeadMount(mountPoint);
}

function openUsage(cacheDir: string, log: Logger): Promise<UsageLedger> {
  return UsageLedger.open({
    clock: systemClock,
    store: usageFile(cacheDir),
    onSaveFailed: (error) => log.warn("what origins cost is not kept", { reason: error }),
  });
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

/**
 * Has the kernel ask for the root's attributes before it is told of any change. It starts with a
 * root that nobody may enter, and drops the first answer about it when an INVAL_INODE comes in
 * between: whoever asked gets EACCES then (fuse_change_attributes_common, fs/fuse/inode.c). The look
 * happens on a thread of the runtime's pool, and the FUSE thread answers it by itself.
 */
async function lookAtRoot(mountPoint: string): Promise<void> {
  const looked = stat(mountPoint).then(
    () => undefined,
    // Unmounted already: `ended` tells.
    () => undefined,
  );
  await Promise.race([looked, Bun.sleep(LOOK_PATIENCE_MS)]);
}
