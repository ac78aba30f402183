/**
 * A history being played: the origins, the program, the applications that use its mount, and the
 * watches that look on. Everything happens on virtual time in one thread, so a history repeats.
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
import { HealthWatch } from "./health_watch.ts";
import { Life, type Sabotage } from "./life.ts";
import type { History, OriginSetup, Setup } from "./operations.ts";
import { ReadWatch, type SentRead } from "./read_watch.ts";
import { freshState } from "./shared_memory.ts";
import { Storage } from "./storage.ts";
import { VersionsWatch } from "./versions_watch.ts";

export class Violation extends Error {
  override readonly name = "Violation";

  constructor(
    readonly rule: string,
    readonly detail: string,
    /** The step it came with; -1 for the end of the history. */
    readonly step: number,
  ) {
    super(`${rule}: ${detail} (step ${step})`);
  }
}

/** What another part of the program may add to the longest time of a directory request. */
const DIRECTORY_LIMIT_MS = 2000;
/** A look and a listing for each replica that is tried before a file is opened. */
const OPEN_LIMIT_MS = 4 * DIRECTORY_LIMIT_MS;
const OPERATION_TIMEOUT_MS = 30_000;

export class World {
  readonly clock = new VirtualClock();
  readonly storages = new Map<OriginId, Storage>();
  readonly health = new HealthWatch((rule, detail) => this.fail(rule, detail));
  readonly absence = new AbsenceWatch((rule, detail) => this.fail(rule, detail));
  readonly versions: VersionsWatch;
  readonly reads: ReadWatch;
  readonly applications: Applications;
  settings: OriginSettings[] = [];
  violation: Violation | undefined;
  step = 0;
  /** Counts changes of the configuration, of the origins, and of what the program knows of them. */
  readonly changes = { configured: 0, stored: 0, learned: 0 };
  #life: Life | undefined;
  #lives = 0;
  readonly #dice: Dice;

  constructor(
    readonly history: History,
    readonly directory: string,
    readonly sabotage: Sabotage = {},
  ) {
    const { setup, seed } = history;
    this.#dice = new Dice(seed ^ 0x5eed);
    for (const origin of setup.origins) {
      const storage = new Storage(origin, {
        clock: this.clock,
        onRequest: (request) => this.reads.request(request),
        onLateRequest: (id, kind, path) =>
          this.fail("no request after removal", `${kind} of "${path}" at ${id}`),
      });
      this.storages.set(storage.id, storage);
    }
    this.versions = new VersionsWatch({
      catalog: () => this.life.truth,
      storages: this.storages,
      failover: setup.failover,
      violation: (rule, detail) => this.fail(rule, detail),
    });
    this.reads = new ReadWatch(this);
    this.applications = new Applications(this);
    this.settings = setup.origins
      .filter(({ attached }) => attached)
      .map((o) => this.originSettings(o));
  }

  get setup(): Setup {
    return this.history.setup;
  }

  get life(): Life {
    if (this.#life === undefined) throw new Error("the program does not run");
    return this.#life;
  }

  fail(rule: string, detail: string): void {
    this.violation ??= new Violation(rule, detail, this.step);
  }

  isEnabled(id: OriginId): boolean {
    return this.settings.some((origin) => origin.id === id && origin.enabled);
  }

  async start(): Promise<void> {
    for (const { id, enabled } of this.settings) if (enabled) this.health.add(id);
    this.#life = await this.clock.run(this.#begin(join(this.directory, "0")));
    await settle();
  }

  /** What follows from an operation without further time has happened: nothing may be wrong. */
  async look(): Promise<void> {
    await settle();
    this.life.kernel.checkTimes();
    this.health.check();
  }

  /** Waits for applications and lets time pass. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    this.life.kernel.checkTimes();
  }

  async restart(): Promise<void> {
    const { life } = this;
    await this.clock.run(life.stop());
    this.#ended(life);
    this.#life = await this.clock.run(this.#begin(life.ports.directory));
  }

  async kill(): Promise<void> {
    const { life } = this;
    const directory = join(this.directory, String(++this.#lives));
    await life.kill(directory);
    this.#ended(life);
    this.#life = await this.clock.run(this.#begin(directory));
  }

  /** Ends for good. */
  async stop(): Promise<void> {
    const { life } = this;
    await this.clock.run(life.stop());
    this.#ended(life);
  }

  /** Lets go of everything, however far the history came. */
  async abandon(): Promise<void> {
    const life = this.#life;
    if (life !== undefined && !life.clock.dead) await life.abandon();
  }

  #ended(life: Life): void {
    this.applications.forget();
    this.reads.forget();
    for (const { id, enabled } of this.settings) {
      this.health.remove(id);
      if (enabled) this.health.add(id);
    }
    if (life.clock.pendingTimers > 0) this.fail("nothing leaks", "timers after the end");
  }

  #begin(directory: string): Promise<Life> {
    const { setup } = this.history;
    const events = new EventBus();
    events.subscribe((event) => this.#take(event));
    const { readDeadlineMs, failover, hedge, onMismatch, storeDelayMs } = setup;
    const slack = storeDelayMs * 50;
    return Life.start(
      {
        clock: this.clock,
        random: this.#dice.next,
        directory,
        config: {
          health: {
            checkIntervalSecs: 30,
            timeoutMs: 5000,
            unhealthyThreshold: 3,
            perOriginThresholds: {},
          },
          read: { readDeadlineMs, failover, hedge, onMismatch },
        },
        storeDelayMs,
        state: freshState(),
        open: (settings, clock) => {
          const storage = this.storages.get(settings.id);
          if (storage === undefined) throw new Error(`there is no storage ${settings.id}`);
          const origin: Origin = wrapOrigin(storage.connect(clock), settings, { clock });
          return this.absence.around(origin);
        },
        processLives: () => true,
        violation: (rule, detail) => this.fail(rule, detail),
        kernel: {
          onNode: (path, node) => {
            if (!node.isDirectory) this.versions.seen(path, node);
          },
          onReadSent: (handle, offset, length) => this.reads.sent(handle, offset, length),
          onRead: (handle, offset, result, sent) =>
            this.reads.answered(handle, offset, result, sent as SentRead),
          limitsMs: {
            read: readDeadlineMs,
            directory: DIRECTORY_LIMIT_MS,
            open: OPEN_LIMIT_MS * setup.origins.length + slack,
          },
        },
        events,
        sabotage: this.sabotage,
      },
      this.settings,
    );
  }

  #take(event: MusicFsEvent): void {
    this.health.take(event);
    switch (event.type) {
      case "file_added":
      case "file_modified":
        this.changes.learned++;
        return;
      case "file_removed": {
        this.changes.learned++;
        const prefix = this.settings.find(({ id }) => id === event.origin)?.prefix ?? "";
        const path = prefix === "" ? event.path : event.path.slice(prefix.length + 1);
        this.absence.removed(event.origin, path as BytePath);
      }
    }
  }

  /** Changes what the origin of that name holds; what makes no sense there does nothing. */
  async change(name: string, work: (storage: Storage) => unknown): Promise<void> {
    const storage = this.storages.get(name as OriginId);
    if (storage === undefined) return;
    this.changes.stored++;
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
    this.settings = wanted;
    this.changes.configured++;
    for (const id of before) if (!after.includes(id)) this.health.remove(id);
    for (const id of after) if (!before.includes(id)) this.health.add(id);
    await this.clock.run(this.life.configure(wanted));
  }

  originSettings({ id, priority, prefix, maxConcurrency }: OriginSetup): OriginSettings {
    const { revalidateSecs, pollIntervalSecs } = this.history.setup;
    return {
      id: id as string as OriginId,
      originType: "local",
      path: `/model/${id}`,
      priority,
      enabled: true,
      prefix: prefix as BytePath,
      exclude: [],
      operationTimeoutMs: OPERATION_TIMEOUT_MS,
      maxConcurrency,
      bandwidthLimitBytesPerSec: undefined,
      cache: false,
      pollIntervalSecs,
      revalidateSecs,
      index: undefined,
      indexTrust: false,
      credentials: undefined,
    };
  }
}
