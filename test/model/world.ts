/**
 * A history being played: the origins, the program, the applications that use its mount, and the
 * watches that look on. Everything happens on virtual time in one thread, so a history repeats.
 *
 * A feature joins the model in the change that adds it:
 *
 * - what may happen to it is a row in `operations.ts`, drawn in `generate.ts`, done in `perform.ts`;
 *   what only happens in several steps is a scene in `scenes.ts`; settings are in `Setup`;
 * - a thread or a disk of its own is a link in `life.ts`, as `StoreLink` and `NotifierLink` are;
 * - each of its promises has a name in `promises.ts` and a `Watch`, which is listed below;
 * - what it keeps is counted in `leak_watch.ts`; the state that must be right at the end is compared
 *   in `ending.ts`;
 * - a bug of it, put in from outside, is caught in `seeded_bugs.test.ts`.
 */

import { join } from "node:path";
import type { BytePath } from "../../src/core/bytes.ts";
import type { OriginSettings } from "../../src/core/config/config.ts";
import { EventBus, type MusicFsEvent } from "../../src/core/events.ts";
import { wrapOrigin } from "../../src/core/origins/build.ts";
import type { Origin, OriginId } from "../../src/core/origins/origin.ts";
import { Dice } from "../support/dice.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";
import { AbsenceWatch } from "./absence_watch.ts";
import { Applications } from "./applications.ts";
import { ModelDisk } from "./cache_disk.ts";
import { CacheWatch } from "./cache_watch.ts";
import { DirectoryTimesWatch } from "./directory_times_watch.ts";
import { EventsWatch } from "./events_watch.ts";
import { FreshnessWatch } from "./freshness_watch.ts";
import { GoodReplicas } from "./good_replicas.ts";
import { HealthWatch } from "./health_watch.ts";
import { HoldWatch } from "./hold_watch.ts";
import { InodesWatch } from "./inodes_watch.ts";
import type { KernelPorts } from "./kernel.ts";
import { LeakWatch } from "./leak_watch.ts";
import { Life, type Sabotage } from "./life.ts";
import type { History, OriginSetup, Setup } from "./operations.ts";
import { PagesWatch } from "./pages_watch.ts";
import { PinsWatch } from "./pins_watch.ts";
import type { Violate } from "./promises.ts";
import { UNPROVED } from "./read_class.ts";
import { ReadLog } from "./read_log.ts";
import { RemovalWatch } from "./removal_watch.ts";
import { RetryWatch } from "./retry_watch.ts";
import { RoutingWatch } from "./routing_watch.ts";
import { ServiceWatch } from "./service_watch.ts";
import { freshState } from "./shared_memory.ts";
import { type OriginRequest, Storage } from "./storage.ts";
import { type Trace, TraceWatch } from "./trace_watch.ts";
import { VersionsWatch } from "./versions_watch.ts";
import { Violation } from "./violation.ts";
import type { Watch } from "./watch.ts";

/** LOOKUP, READDIR and GETATTR, whatever origins do. */
const DIRECTORY_LIMIT_MS = 2000;
/** A look and a listing for each replica that is tried before a file is opened. */
const OPEN_LIMIT_MS = 4 * DIRECTORY_LIMIT_MS;
const OPERATION_TIMEOUT_MS = 30_000;
/** A stop, and a change of the configuration. */
const END_LIMIT_MS = 1000;
/** Calls of the store that may lie before one. */
const STORE_QUEUE = 50;

export interface WorldOptions {
  readonly sabotage?: Sabotage;
  /** Told of all that happens. */
  readonly trace?: Trace;
}

export class World {
  readonly clock = new VirtualClock();
  readonly storages = new Map<OriginId, Storage>();
  /** Counts changes of the configuration, of the origins, and of what the program knows of them. */
  readonly changes = { configured: 0, stored: 0, learned: 0 };
  readonly reads = new ReadLog(this);
  readonly versions: VersionsWatch;
  readonly health: HealthWatch;
  readonly absence: AbsenceWatch;
  readonly holds: HoldWatch;
  readonly leaks: LeakWatch;
  readonly good: GoodReplicas;
  readonly freshness: FreshnessWatch;
  readonly disk = new ModelDisk();
  readonly cache: CacheWatch;
  readonly pins: PinsWatch;
  readonly applications: Applications;
  /** In the order in which they are told. */
  readonly watches: readonly Watch[];
  settings: OriginSettings[] = [];
  violation: Violation | undefined;
  step = 0;
  /** Monotonic: the latest change of origins, configuration or program. */
  disturbedMs = 0;
  #life: Life | undefined;
  #lives = 0;
  readonly #dice: Dice;

  constructor(
    readonly history: History,
    readonly directory: string,
    readonly options: WorldOptions = {},
  ) {
    const { setup, seed } = history;
    this.#dice = new Dice(seed ^ 0x5eed);
    const onRequest = (request: OriginRequest) => {
      this.reads.request(request);
      for (const watch of this.watches) watch.request?.(request);
    };
    for (const origin of setup.origins) {
      const storage = new Storage(origin, { clock: this.clock, onRequest });
      this.storages.set(storage.id, storage);
    }
    this.settings = setup.origins
      .filter(({ attached }) => attached)
      .map((o) => this.originSettings(o));
    this.versions = new VersionsWatch(this);
    this.health = new HealthWatch(this.fail);
    this.absence = new AbsenceWatch(this);
    this.holds = new HoldWatch(this);
    this.good = new GoodReplicas(this);
    this.freshness = new FreshnessWatch(this);
    this.cache = new CacheWatch(this);
    this.pins = new PinsWatch(this);
    this.applications = new Applications(this);
    this.leaks = new LeakWatch(this);
    this.watches = [
      this.versions,
      this.health,
      this.absence,
      this.holds,
      this.freshness,
      this.cache,
      this.pins,
      this.leaks,
      new RoutingWatch(this),
      new RetryWatch(this),
      new ServiceWatch(this),
      new RemovalWatch(this),
      new EventsWatch(this),
      new PagesWatch(this),
      new InodesWatch(this),
      new DirectoryTimesWatch(this),
      ...(options.trace === undefined ? [] : [new TraceWatch(options.trace)]),
    ];
  }

  get setup(): Setup {
    return this.history.setup;
  }

  get life(): Life {
    if (this.#life === undefined) throw new Error("the program does not run");
    return this.#life;
  }

  /** The first promise that is broken is the one that counts. */
  readonly fail: Violate = (promise, detail) => {
    this.violation ??= new Violation(promise, detail, this.step);
  };

  readonly isEnabled = (id: OriginId): boolean =>
    this.settings.some((origin) => origin.id === id && origin.enabled);

  async start(): Promise<void> {
    for (const { id, enabled } of this.settings) if (enabled) this.health.add(id);
    this.#life = await this.#begin(join(this.directory, "0"));
    await settle();
  }

  /** What follows from an operation without further time has happened: nothing may be wrong. */
  async look(): Promise<void> {
    await settle();
    this.life.kernel.checkTimes();
    for (const watch of this.watches) watch.look?.();
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    this.life.kernel.checkTimes();
  }

  async restart(): Promise<void> {
    const { life } = this;
    await this.stop();
    this.#life = await this.#begin(life.ports.directory);
  }

  async kill(): Promise<void> {
    const { life } = this;
    const directory = join(this.directory, String(++this.#lives));
    await life.kill(directory);
    this.#ended();
    this.#life = await this.#begin(directory);
  }

  /** An orderly end. */
  async stop(): Promise<void> {
    await this.#timed("a stop", this.life.stop());
    this.#ended();
  }

  /** Lets go of everything, however far the history came. */
  async abandon(): Promise<void> {
    const life = this.#life;
    if (life !== undefined && !life.clock.dead) await life.abandon();
  }

  /** Changes what the origin of that name holds; what makes no sense there does nothing. */
  async change(name: string, work: (storage: Storage) => unknown): Promise<void> {
    const storage = this.storages.get(name as OriginId);
    if (storage === undefined) return;
    this.changes.stored++;
    this.disturbed();
    try {
      await work(storage);
    } catch {
      // A path that leads through a file or to nothing: the operation makes no sense here.
    }
  }

  /** Other settings for one origin; undefined: it is removed. */
  async reconfigure(
    name: string,
    work: (settings: OriginSettings) => OriginSettings | undefined,
  ): Promise<void> {
    await this.configure(
      this.settings.flatMap((settings) =>
        settings.id === name ? (work(settings) ?? []) : [settings],
      ),
    );
  }

  /** As an edited configuration file does. */
  async configure(wanted: OriginSettings[]): Promise<void> {
    const before = this.settings.filter(({ enabled }) => enabled).map(({ id }) => id);
    const after = wanted.filter(({ enabled }) => enabled).map(({ id }) => id);
    this.changes.configured++;
    this.disturbed();
    this.settings = wanted;
    for (const id of before) if (!after.includes(id)) this.health.remove(id);
    for (const id of after) if (!before.includes(id)) this.health.announce(id);
    await this.#timed("a change of the configuration", this.life.configure(wanted));
    this.health.settled();
    // Until then some of the program had the old one.
    this.changes.configured++;
  }

  originSettings({ id, priority, prefix, maxConcurrency, cache }: OriginSetup): OriginSettings {
    const { revalidateSecs, pollIntervalSecs } = this.setup;
    return {
      id: id as string as OriginId,
      originType: "local",
      path: `/model/${id}`,
      watch: true,
      priority,
      enabled: true,
      prefix: prefix as BytePath,
      exclude: [],
      operationTimeoutMs: OPERATION_TIMEOUT_MS,
      maxConcurrency,
      bandwidthLimitBytesPerSec: undefined,
      cache,
      pollIntervalSecs,
      revalidateSecs,
      index: undefined,
      indexTrust: false,
      credentials: undefined,
    };
  }

  disturbed(): void {
    this.disturbedMs = this.clock.monotonicMs();
  }

  async #timed(what: string, work: Promise<void>): Promise<void> {
    const startedMs = this.clock.monotonicMs();
    await this.clock.run(work);
    const tookMs = this.clock.monotonicMs() - startedMs;
    if (tookMs > END_LIMIT_MS + this.#storeSlackMs) {
      this.fail("ends in time", `${what} took ${tookMs} ms`);
    }
  }

  get #storeSlackMs(): number {
    return this.setup.storeDelayMs * STORE_QUEUE;
  }

  #ended(): void {
    for (const watch of this.watches) watch.lifeEnded?.();
    this.applications.forget();
    this.reads.forget();
    for (const { id, enabled } of this.settings) {
      this.health.remove(id);
      if (enabled) this.health.add(id);
    }
  }

  #begin(directory: string): Promise<Life> {
    this.disturbed();
    const { readDeadlineMs, failover, hedge, onMismatch, storeDelayMs } = this.setup;
    const { cacheBudgetBytes, cacheDelayMs } = this.setup;
    const health = {
      checkIntervalSecs: 30,
      timeoutMs: 5000,
      unhealthyThreshold: 3,
      perOriginThresholds: {},
    };
    const events = new EventBus();
    events.subscribe((event) => this.#take(event));
    const life = Life.start(
      {
        clock: this.clock,
        random: this.#dice.next,
        directory,
        config: { health, read: { readDeadlineMs, failover, hedge, onMismatch } },
        storeDelayMs,
        cache:
          cacheBudgetBytes === 0
            ? undefined
            : {
                budgetBytes: cacheBudgetBytes,
                delayMs: cacheDelayMs,
                disk: this.disk,
                around: (blocks) => this.cache.around(blocks),
              },
        state: freshState(),
        open: (settings, clock) => {
          const storage = this.storages.get(settings.id);
          if (storage === undefined) throw new Error(`there is no storage ${settings.id}`);
          const origin: Origin = wrapOrigin(storage.connect(clock), settings, { clock });
          return this.absence.around(origin);
        },
        processLives: () => true,
        violation: this.fail,
        kernel: this.#kernelPorts(),
        events,
        sabotage: this.options.sabotage ?? {},
      },
      this.settings,
    );
    return this.clock.run(life);
  }

  #kernelPorts(): Omit<KernelPorts, "clock" | "send" | "violation"> {
    const { readDeadlineMs, origins } = this.setup;
    return {
      onNode: (path, node) => {
        if (!node.isDirectory) this.versions.seen(path, node);
      },
      onName: (path, node) => {
        for (const watch of this.watches) watch.named?.(path, node);
      },
      onListed: (path, names) => {
        for (const watch of this.watches) watch.listed?.(path, names);
      },
      onReadSent: (handle, offsetBytes, lengthBytes) => {
        const read = this.reads.sent(handle, offsetBytes, lengthBytes);
        for (const watch of this.watches) watch.readSent?.(read);
        return read;
      },
      onRead: (read, result) => {
        this.reads.answered(read, result);
        for (const watch of this.watches) watch.readAnswered?.(read);
        return read.class !== undefined && UNPROVED.includes(read.class);
      },
      limitsMs: {
        read: readDeadlineMs,
        directory: DIRECTORY_LIMIT_MS,
        open: OPEN_LIMIT_MS * origins.length + this.#storeSlackMs,
      },
    };
  }

  #take(event: MusicFsEvent): void {
    if (/^file_(added|modified|removed)$/.test(event.type)) this.changes.learned++;
    for (const watch of this.watches) watch.event?.(event);
  }
}
