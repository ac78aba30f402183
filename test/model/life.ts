/**
 * One life of the program, from its start to its stop or its sudden end: the assembly of the mount
 * with everything that is a thread there in this one, on virtual time.
 */

import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BlockCache } from "../../src/core/cache/block_cache.ts";
import { NoBlockCache } from "../../src/core/cache/no_block_cache.ts";
import type { CatalogReader, CatalogWriter } from "../../src/core/catalog/catalog.ts";
import { SqliteCatalogReader } from "../../src/core/catalog/reader.ts";
import { CatalogStore } from "../../src/core/catalog/store.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { OriginSettings } from "../../src/core/config/config.ts";
import { OwnError } from "../../src/core/errors.ts";
import type { EventBus } from "../../src/core/events.ts";
import { NO_REPLY, Session } from "../../src/core/fuse/session.ts";
import { Assembly, type AssemblyPorts } from "../../src/core/mount/assembly.ts";
import type { KernelReplies } from "../../src/core/mount/kernel_replies.ts";
import type { Origin } from "../../src/core/origins/origin.ts";
import { libc } from "../../src/core/sys/libc.ts";
import { type KernelCache, Notifier } from "../../src/core/threads/notifier.ts";
import { QueuedReaders } from "../../src/core/threads/queued_readers.ts";
import { SharedState } from "../../src/core/threads/shared_state.ts";
import type { Defer } from "../../src/core/vfs/deferred.ts";
import { MountFileSystem } from "../../src/core/vfs/file_system.ts";
import { OpenFiles } from "../../src/core/vfs/open_files.ts";
import { settle } from "../support/virtual_clock.ts";
import type { ModelDisk } from "./cache_disk.ts";
import { CacheLink } from "./cache_link.ts";
import { Kernel, type KernelPorts } from "./kernel.ts";
import { NotifierLink } from "./notifier_link.ts";
import { PAGE_BYTES } from "./page_cache.ts";
import type { Violate } from "./promises.ts";
import { type StoreLink, storeLink } from "./store_link.ts";

/** Places where a test of the simulator puts a bug between two parts. */
export interface Sabotage {
  readonly origin?: (origin: Origin, clock: Clock) => Origin;
  readonly writer?: (writer: CatalogWriter) => CatalogWriter;
  readonly catalog?: (catalog: CatalogReader) => CatalogReader;
  readonly cache?: (cache: KernelCache) => KernelCache;
  readonly blocks?: (blocks: BlockCache, directory: string) => BlockCache;
  /** So many times the budget. */
  readonly budgetFactor?: number;
  readonly reply?: (reply: KernelReplies) => KernelReplies;
  readonly defer?: (defer: Defer) => Defer;
  readonly clock?: (clock: Clock) => Clock;
  readonly events?: (events: EventBus) => void;
  readonly configured?: (assembly: Assembly, origins: readonly OriginSettings[]) => void;
}

export interface CachePorts {
  readonly budgetBytes: number;
  readonly delayMs: number;
  readonly disk: ModelDisk;
  /** Looks on at what is done with it. */
  readonly around: (blocks: BlockCache) => BlockCache;
}

export interface LifePorts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly directory: string;
  readonly config: AssemblyPorts["config"];
  readonly storeDelayMs: number;
  /** Undefined: there is no cache. */
  readonly cache: CachePorts | undefined;
  readonly state: SharedState;
  /** Opens an origin in all its wrappers. */
  readonly open: (settings: OriginSettings, clock: Clock) => Origin;
  readonly processLives: (pid: number) => boolean;
  readonly violation: Violate;
  readonly kernel: Omit<KernelPorts, "clock" | "send" | "violation">;
  readonly events: EventBus;
  readonly sabotage: Sabotage;
}

export const CATALOG = "catalog.db";

export class Life {
  readonly assembly: Assembly;
  readonly kernel: Kernel;
  readonly state: SharedState;
  readonly catalog: CatalogReader;
  readonly writer: CatalogWriter;
  readonly notifier: NotifierLink;
  readonly clock: MortalClock;
  /** The catalog as it is, whatever a sabotage makes of it. */
  readonly truth: CatalogReader;
  readonly #readers: readonly SqliteCatalogReader[];
  readonly cache: CacheLink | undefined;
  readonly #store: CatalogStore;
  readonly #linked: StoreLink;
  readonly #session: Session;
  readonly #cache: Notifier;

  /** Mounts; rejects as the program does when it cannot. */
  static async start(ports: LifePorts, origins: readonly OriginSettings[]): Promise<Life> {
    const life = new Life(ports);
    await life.#begin(origins);
    return life;
  }

  private constructor(readonly ports: LifePorts) {
    const { directory, events, sabotage, violation, state } = ports;
    mkdirSync(directory, { recursive: true });
    this.clock = new MortalClock(sabotage.clock?.(ports.clock) ?? ports.clock);
    const file = join(directory, CATALOG);
    this.#store = CatalogStore.open(file, ports.clock);
    const linked = storeLink({
      clock: this.clock,
      store: this.#store,
      delayMs: ports.storeDelayMs,
    });
    this.#linked = linked;
    this.writer = sabotage.writer?.(linked.writer) ?? linked.writer;
    this.#readers = [new SqliteCatalogReader(file), new SqliteCatalogReader(file)];
    const [catalog, fuseCatalog] = this.#readers.map((r) => sabotage.catalog?.(r) ?? r);
    if (catalog === undefined || fuseCatalog === undefined) throw new Error("two were opened");
    this.catalog = catalog;
    this.truth = this.#readers[0] ?? catalog;
    this.state = state;
    const owner = { uid: undefined, gid: undefined, callerUid: 1000, callerGid: 1000 };
    const onFault = (message: string) => violation("no faults", message);
    sabotage.events?.(events);
    this.cache = this.#openCache();
    const blocks = this.cache?.blocks ?? new NoBlockCache();
    const sabotaged = sabotage.blocks?.(blocks, directory) ?? blocks;
    this.assembly = new Assembly({
      clock: this.clock,
      random: ports.random,
      config: ports.config,
      events,
      state,
      writer: this.writer,
      catalog,
      blocks: ports.cache?.around(sabotaged) ?? sabotaged,
      cacheDir: directory,
      owner,
      syscalls: libc(),
      network: () => "",
      processLives: ports.processLives,
      open: async (settings) => {
        const origin = ports.open(settings, this.clock);
        const opened = sabotage.origin?.(origin, this.clock) ?? origin;
        return { origin: opened, localRoot: undefined };
      },
      onFault,
      onWarning: () => undefined,
    });
    const hand = sabotage.defer?.(this.assembly.defer) ?? this.assembly.defer;
    const defer: Defer = (deferred) => {
      const sent = structuredClone(deferred);
      queueMicrotask(() => {
        if (!this.clock.dead) hand(sent);
      });
    };
    const { handles, routing, seams, seen, served, jobs } = new SharedState(state.buffers);
    const readers = new QueuedReaders(jobs);
    const shared = { catalog: fuseCatalog, routing, handles, seams, served, readers, defer };
    const files = new OpenFiles({ ...shared, syscalls: libc() });
    this.#session = new Session(
      new MountFileSystem({
        catalog: fuseCatalog,
        handles,
        files,
        seen,
        owner,
        defer,
        mustAnswer: false,
      }),
      {
        pageSizeBytes: PAGE_BYTES,
        passthrough: false,
        onError: (error) => violation("no faults", String(error)),
      },
    );
    const send = (request: Uint8Array) => {
      if (this.clock.dead) return;
      const length = this.#session.handle(request);
      if (length > NO_REPLY) {
        this.kernel.take(this.#session.reply.bytes.subarray(0, length));
      }
    };
    this.kernel = new Kernel({ ...ports.kernel, clock: ports.clock, send, violation });
    this.notifier = new NotifierLink(this.kernel, this.clock);
    const spawn = () => this.notifier as unknown as Worker;
    this.#cache = new Notifier(-1, true, state.seen, onFault, spawn);
  }

  /** Whether changes of the tree are on their way to the catalog or to the kernel. */
  get isTelling(): boolean {
    return this.notifier.waiting > 0 || this.#linked.waiting() > 0;
  }

  #openCache(): CacheLink | undefined {
    const { cache, directory, events, sabotage } = this.ports;
    if (cache === undefined) return undefined;
    const { budgetBytes, delayMs, disk } = cache;
    return new CacheLink({
      clock: this.clock,
      cacheDir: directory,
      budgetBytes: budgetBytes * (sabotage.budgetFactor ?? 1),
      delayMs,
      disk,
      events,
      isCached: (origin) => this.assembly.isCached(origin),
    });
  }

  async #begin(origins: readonly OriginSettings[]): Promise<void> {
    const { sabotage } = this.ports;
    await this.configure(origins);
    await this.kernel.init();
    const { negotiated } = this.#session;
    if (negotiated === undefined) throw new OwnError("mount", "INIT was refused");
    const answer: KernelReplies = ({ bytes }, length) => {
      if (!this.clock.dead) this.kernel.take(bytes.subarray(0, length));
    };
    this.assembly.serve({
      negotiated,
      reply: sabotage.reply?.(answer) ?? answer,
      cache: sabotage.cache?.(this.#cache) ?? this.#cache,
    });
  }

  async configure(origins: readonly OriginSettings[]): Promise<void> {
    await this.assembly.origins.configure(origins);
    this.ports.sabotage.configured?.(this.assembly, origins);
  }

  /** An unmount and an orderly stop. */
  async stop(): Promise<void> {
    this.kernel.disconnect();
    this.#cache.close();
    await this.assembly.close();
    this.cache?.[Symbol.dispose]();
    for (const reader of this.#readers) reader.close();
    await this.writer.close();
    this.clock.kill();
  }

  /**
   * SIGKILL: nothing of this program happens any more. What lies on its disk at this moment is copied
   * to `directory`, where another life may start.
   */
  async kill(directory: string): Promise<void> {
    this.clock.kill();
    this.kernel.disconnect();
    this.#cache.close();
    mkdirSync(directory, { recursive: true });
    cpSync(this.ports.directory, directory, {
      recursive: true,
      filter: (path) => !path.endsWith("-shm") && !path.endsWith(".lock"),
    });
    await this.#close();
  }

  /** As a kill after which nobody looks at the disk. */
  async abandon(): Promise<void> {
    this.clock.kill();
    this.kernel.disconnect();
    this.#cache.close();
    await this.#close();
  }

  /** Gives back what the process that plays this has open. */
  async #close(): Promise<void> {
    // What was about to happen in the dead program meets its catalog still open.
    await settle();
    this.cache?.[Symbol.dispose]();
    for (const reader of this.#readers) reader.close();
    await this.#store.close();
  }
}

/** Time as long as the program lives. */
class MortalClock implements Clock {
  readonly #timers = new Set<Disposable>();
  dead = false;

  constructor(readonly inner: Clock) {}

  wallMs(): number {
    return this.inner.wallMs();
  }

  monotonicMs(): number {
    return this.inner.monotonicMs();
  }

  schedule(delayMs: number, task: () => void): Disposable {
    if (this.dead) return { [Symbol.dispose]: () => undefined };
    const timer = this.inner.schedule(delayMs, () => {
      this.#timers.delete(handle);
      task();
    });
    const handle = {
      [Symbol.dispose]: () => {
        this.#timers.delete(handle);
        timer[Symbol.dispose]();
      },
    };
    this.#timers.add(handle);
    return handle;
  }

  /** Timers that wait; 0 when nothing leaks. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  kill(): void {
    this.dead = true;
    for (const timer of [...this.#timers]) timer[Symbol.dispose]();
  }
}
