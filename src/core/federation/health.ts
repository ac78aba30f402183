/**
 * Watches the health of every enabled origin (F-5, F-6, F-7).
 *
 * - Every origin has a timer of its own: it is checked when added and then every `checkIntervalSecs`,
 *   in parallel with the others, each check bounded by `timeoutMs`. One check of an origin runs at
 *   a time; who asks for another meanwhile gets the one that runs.
 * - Real traffic counts too, through `recordSuccess` and `recordFailure`. Operations that were
 *   under way together when one of them failed are one incident and count once.
 * - Reports from an `Origin` object that is not, or no longer, the monitored one are ignored.
 * - When the machine slept or its network changed, connections are dropped and all origins checked,
 *   and no failure that follows from it counts.
 */

import type { Clock } from "../clock.ts";
import { type HealthSettings, unhealthyThreshold } from "../config/config.ts";
import { messageOf, OwnError } from "../errors.ts";
import type { EventBus, HealthStatus, MusicFsEvent } from "../events.ts";
import { SUSPECT_CHECK_INTERVAL_MS } from "../limits.ts";
import type { Origin, OriginId } from "../origins/origin.ts";
import { HealthState } from "./health_state.ts";
import { MachineWatch } from "./machine_watch.ts";
import { type BoundedProbe, type ProbeOutcome, startProbe } from "./probe.ts";
import type { HealthView } from "./router.ts";

/** What others do when the monitor finds something. None of them may throw. */
export interface HealthHooks {
  /** The status or the failures of an origin changed. Called before the events are emitted. */
  onChange?(): void;
  /** A check was answered after this time. */
  onProbed?(origin: Origin, latencyMs: number): void;
  /** The origin's connections are of no use any more; called before its next check starts. */
  dropConnections?(origin: Origin): void;
  /** A text that differs when the machine's network does. Default: never. */
  network?(): string;
}

export interface OriginHealth {
  readonly status: HealthStatus;
  readonly consecutiveFailures: number;
  readonly threshold: number;
  /** Wall clock of the end of the latest check, milliseconds since the epoch. */
  readonly lastCheckMs: number | undefined;
  /** Wall clock at which the next check is due, milliseconds since the epoch. */
  readonly nextCheckMs: number | undefined;
  /** Why the origin is not healthy; undefined when it is. */
  readonly lastError: string | undefined;
}

interface Check {
  readonly probe: BoundedProbe;
  readonly done: Promise<void>;
  /** Settles `done`, with another promise where that takes the place of this check. */
  readonly finish: (instead?: Promise<void>) => void;
}

interface Monitored {
  readonly origin: Origin;
  readonly state: HealthState;
  timer: Disposable;
  check: Check | undefined;
  lastCheckMs: number | undefined;
  nextCheckMs: number | undefined;
  /** Monotonic: failures of operations begun before are part of one counted already. */
  countedMs: number;
  /** Monotonic: operations begun up to here are forgiven. */
  forgivenMs: number;
  /** Monotonic: when `suspect` last started a check. */
  suspectedMs: number;
}

interface Timer {
  /** Monotonic. */
  readonly dueMs: number;
}

const NEVER = Number.NEGATIVE_INFINITY;

export class HealthMonitor implements HealthView {
  readonly #monitored = new Map<OriginId, Monitored>();
  readonly #hooks: HealthHooks;
  readonly #machine: MachineWatch;
  /** Scheduled and not run. */
  readonly #timers = new Set<Timer>();
  #allUnhealthy = false;

  constructor(
    private readonly clock: Clock,
    private readonly events: EventBus,
    readonly settings: HealthSettings,
    hooks: HealthHooks = {},
  ) {
    this.#hooks = hooks;
    this.#machine = new MachineWatch(clock, () => hooks.network?.() ?? "");
  }

  /** Starts to monitor an origin and checks it at once. One of the same id is replaced. */
  add(origin: Origin): void {
    this.remove(origin.id);
    const entry: Monitored = {
      origin,
      state: new HealthState(unhealthyThreshold(this.settings, origin.type)),
      timer: { [Symbol.dispose]: () => undefined },
      check: undefined,
      lastCheckMs: undefined,
      nextCheckMs: undefined,
      countedMs: NEVER,
      forgivenMs: NEVER,
      suspectedMs: NEVER,
    };
    this.#monitored.set(origin.id, entry);
    this.#arm(entry);
    this.#noteAllUnhealthy();
    void this.#check(entry, false);
  }

  /** Forgets an origin; a check of it that runs is abandoned and whoever waits for it goes on. */
  remove(id: OriginId): void {
    const entry = this.#monitored.get(id);
    if (!entry) return;
    this.#monitored.delete(id);
    entry.timer[Symbol.dispose]();
    this.#abandonCheck(entry);
    this.#noteAllUnhealthy();
  }

  /** Forgets all origins at once, which says nothing of them: no timer and no promise is left. */
  close(): void {
    const entries = [...this.#monitored.values()];
    this.#monitored.clear();
    this.#noteAllUnhealthy();
    for (const entry of entries) {
      entry.timer[Symbol.dispose]();
      this.#abandonCheck(entry);
    }
  }

  /** Checks an origin now; resolves when the check ended. Rejects for one not monitored. */
  checkNow(id: OriginId): Promise<void> {
    const entry = this.#monitored.get(id);
    if (entry) return this.#check(entry, false);
    return Promise.reject(new OwnError("usage", `no enabled origin is named ${id}`));
  }

  /** Checks all origins in parallel; resolves when the last check ended. */
  async checkAll(): Promise<void> {
    await Promise.all([...this.#monitored.values()].map((entry) => this.#check(entry, false)));
  }

  /** A read of the origin was answered well. */
  recordSuccess(origin: Origin): void {
    const entry = this.#entryOf(origin);
    if (entry) this.#change(entry, () => entry.state.goodRead());
  }

  /** An operation begun at `startedMs` (monotonic) failed by the origin's own fault. */
  recordFailure(origin: Origin, error: unknown, startedMs: number): void {
    this.#noticeMachine();
    const entry = this.#entryOf(origin);
    if (!entry || startedMs <= entry.forgivenMs || startedMs < entry.countedMs) return;
    entry.countedMs = this.clock.monotonicMs();
    this.#change(entry, () => entry.state.failure(messageOf(error)));
  }

  /** Something is odd (an I/O error on one file): checks the origin, though not too often. */
  suspect(origin: Origin): void {
    const entry = this.#entryOf(origin);
    const nowMs = this.clock.monotonicMs();
    if (!entry || nowMs - entry.suspectedMs < SUSPECT_CHECK_INTERVAL_MS) return;
    entry.suspectedMs = nowMs;
    void this.#check(entry, false);
  }

  /**
   * The machine slept or its network changed: drops all connections and checks all origins at once.
   * Failures of these checks, and of operations begun before, do not count.
   */
  reset(): void {
    for (const entry of this.#monitored.values()) {
      entry.forgivenMs = this.clock.monotonicMs();
      this.#arm(entry);
      const running = entry.check;
      entry.check = undefined;
      this.#hooks.dropConnections?.(entry.origin);
      const done = this.#check(entry, true);
      running?.finish(done);
      running?.probe.abandon();
    }
  }

  /** Resets if the machine slept since somebody last looked; for before a read. */
  noticeClock(): void {
    if (this.#machine.clockJumped()) this.reset();
  }

  status(id: OriginId): HealthStatus {
    return this.#monitored.get(id)?.state.status ?? "unknown";
  }

  consecutiveFailures(id: OriginId): number {
    return this.#monitored.get(id)?.state.consecutiveFailures ?? 0;
  }

  isHealthy(id: OriginId): boolean {
    return this.status(id) === "healthy";
  }

  /** What is known of an origin; one not monitored is `unknown` and never checked. */
  health(origin: Pick<Origin, "id" | "type">): OriginHealth {
    const entry = this.#monitored.get(origin.id);
    const state = entry?.state;
    return {
      status: state?.status ?? "unknown",
      consecutiveFailures: state?.consecutiveFailures ?? 0,
      threshold: state?.threshold ?? unhealthyThreshold(this.settings, origin.type),
      lastCheckMs: entry?.lastCheckMs,
      nextCheckMs: entry?.nextCheckMs,
      lastError: state?.reason,
    };
  }

  /** True while there are enabled origins and every one of them is unhealthy. */
  get allUnhealthy(): boolean {
    return this.#allUnhealthy;
  }

  /** Origins monitored; for leak checks. */
  get size(): number {
    return this.#monitored.size;
  }

  #entryOf(origin: Origin): Monitored | undefined {
    const entry = this.#monitored.get(origin.id);
    return entry?.origin === origin ? entry : undefined;
  }

  #arm(entry: Monitored): void {
    entry.timer[Symbol.dispose]();
    const intervalMs = this.settings.checkIntervalSecs * 1000;
    entry.nextCheckMs = this.clock.wallMs() + intervalMs;
    entry.timer = this.#schedule(intervalMs, () => {
      this.#arm(entry);
      void this.#check(entry, false);
    });
  }

  /** As `clock.schedule`, but looks first whether the timer is late for a reason. */
  #schedule(delayMs: number, task: () => void): Disposable {
    const timer: Timer = { dueMs: this.clock.monotonicMs() + delayMs };
    this.#timers.add(timer);
    const scheduled = this.clock.schedule(delayMs, () => {
      // A reset replaces the checks that run and arms all timers: then the task changes nothing.
      this.#noticeMachine();
      this.#timers.delete(timer);
      task();
    });
    return {
      [Symbol.dispose]: () => {
        this.#timers.delete(timer);
        scheduled[Symbol.dispose]();
      },
    };
  }

  /**
   * Resets if the machine slept or its network changed. After a sleep many timers are due, and any
   * of them may run before those of this monitor: one that waits tells as well as the one that runs.
   */
  #noticeMachine(): void {
    const jumped = this.#machine.clockJumped();
    const changed = this.#machine.networkChanged();
    let late = false;
    for (const { dueMs } of this.#timers) late ||= this.#machine.isLate(dueMs);
    if (jumped || changed || late) this.reset();
  }

  #check(entry: Monitored, forgiving: boolean): Promise<void> {
    if (entry.check) return entry.check.done;
    const startedMs = this.clock.monotonicMs();
    const { promise, resolve } = Promise.withResolvers<void>();
    const schedule: Clock["schedule"] = (delayMs, task) => this.#schedule(delayMs, task);
    const probe = startProbe(entry.origin, this.settings.timeoutMs, schedule);
    const check: Check = { probe, done: promise, finish: (instead) => resolve(instead) };
    entry.check = check;
    void probe.outcome.then((outcome) => {
      // It may have failed for the sleep, before any timer here has run: then another takes its place.
      if (outcome.status === "failed" && entry.check === check) this.#noticeMachine();
      if (entry.check !== check) return;
      entry.check = undefined;
      entry.lastCheckMs = this.clock.wallMs();
      this.#conclude(entry, outcome, this.clock.monotonicMs() - startedMs, forgiving);
      resolve();
    });
    return promise;
  }

  #conclude(entry: Monitored, outcome: ProbeOutcome, latencyMs: number, forgiving: boolean): void {
    const { state } = entry;
    if (outcome.status === "failed") {
      if (!forgiving) this.#change(entry, () => state.failure(messageOf(outcome.error)));
      return;
    }
    this.#hooks.onProbed?.(entry.origin, latencyMs);
    if (outcome.status === "ok") this.#change(entry, () => state.probeOk());
    else this.#change(entry, () => state.probeDegraded(outcome.reason));
  }

  #abandonCheck(entry: Monitored): void {
    const check = entry.check;
    entry.check = undefined;
    check?.finish();
    check?.probe.abandon();
  }

  #change(entry: Monitored, apply: () => void): void {
    const { state, origin } = entry;
    const from = state.status;
    const failures = state.consecutiveFailures;
    apply();
    const to = state.status;
    if (to === from && state.consecutiveFailures === failures) return;
    this.#hooks.onChange?.();
    if (to === from) return;
    const changed: MusicFsEvent = { type: "health_changed", origin: origin.id, from, to };
    this.events.emit(state.reason === undefined ? changed : { ...changed, reason: state.reason });
    if (from === "unhealthy") this.events.emit({ type: "recovered", origin: origin.id });
    this.#noteAllUnhealthy();
  }

  #noteAllUnhealthy(): void {
    const before = this.#allUnhealthy;
    this.#allUnhealthy =
      this.#monitored.size > 0 &&
      [...this.#monitored.values()].every(({ state }) => state.status === "unhealthy");
    if (this.#allUnhealthy && !before) this.events.emit({ type: "all_origins_unhealthy" });
  }
}
