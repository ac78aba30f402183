/**
 * A clock that stands still until a test moves it. Timers run in order of their due time, equal
 * ones in order of their making, and before the first and after each of them everything that waits
 * on promises alone has settled. Real I/O does not settle by itself: await it.
 */

import type { Clock } from "../../src/core/clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly serial: number;
  readonly task: () => void;
}

/** More virtual time than any test means to spend; a run that reaches it is a hang. */
const RUN_LIMIT_MS = 3_600_000;

export class VirtualClock implements Clock {
  readonly #timers = new Set<Timer>();
  #nowMs: number;
  #wallOffsetMs: number;
  #serial = 0;

  /** Starts at `monotonicMs`; the wall clock shows `wallMs` then. */
  constructor(monotonicMs = 1000, wallMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = monotonicMs;
    this.#wallOffsetMs = wallMs - monotonicMs;
  }

  wallMs(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, task: () => void): Disposable {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), serial: this.#serial++, task };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** Timers not yet run and not cancelled; 0 when nothing leaks. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer; undefined when there is none. */
  get nextTimerMs(): number | undefined {
    const next = this.#next();
    return next && Math.max(0, next.dueMs - this.#nowMs);
  }

  /** Moves time on by `ms` and runs what falls due on the way, timers made meanwhile included. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (let timer = this.#next(); timer && timer.dueMs <= endMs; timer = this.#next()) {
      this.#run(timer);
      await settle();
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }

  /** Moves time from timer to timer until `promise` settles, and answers as it does. */
  async run<T>(promise: Promise<T>, limitMs = RUN_LIMIT_MS): Promise<T> {
    const endMs = this.#nowMs + limitMs;
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    await settle();
    while (!settled) {
      const timer = this.#next();
      if (!timer) throw new Error("the promise waits for nothing this clock could bring");
      if (timer.dueMs > endMs) throw new Error(`the promise did not settle within ${limitMs} ms`);
      this.#run(timer);
      await settle();
    }
    return promise;
  }

  /** The wall clock is set, by a person or NTP, while monotonic time goes on as ever. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** The process does not run for `ms`: time passes, and what fell due runs late, at its end. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (
        !next ||
        timer.dueMs < next.dueMs ||
        (timer.dueMs === next.dueMs && timer.serial < next.serial)
      )
        next = timer;
    }
    return next;
  }

  #run(timer: Timer): void {
    this.#timers.delete(timer);
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
    timer.task();
  }
}

/** Returns when every promise that can settle without timers or I/O has. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
