/**
 * Keeps the catalog up to date: every origin is scanned when it is first reached and then every
 * `poll_interval_secs`, with jitter so that origins do not wake their disks in step.
 */

import type { Clock, Random } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { OriginId } from "../origins/origin.ts";

/** Waits before a scan that could not be made is tried again. */
const RETRY_MS = 60_000;
/** The interval varies by this share either way. */
const JITTER = 0.1;

export interface ScansPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Scans one origin to the end; rejects when it could not be. */
  readonly scan: (origin: OriginId, signal: AbortSignal) => Promise<void>;
  /** True while the origin can be expected to answer. */
  readonly usable: (origin: OriginId) => boolean;
  readonly onFault: (message: string) => void;
}

interface Scheduled {
  readonly intervalMs: number;
  readonly abort: AbortController;
  timer: Disposable | undefined;
  running: Promise<void> | undefined;
}

export class Scans {
  readonly #origins = new Map<OriginId, Scheduled>();

  constructor(readonly ports: ScansPorts) {}

  /** Scans the origin soon and from then on. */
  add(origin: OriginId, intervalMs: number): void {
    this.remove(origin);
    this.#origins.set(origin, {
      intervalMs,
      abort: new AbortController(),
      timer: undefined,
      running: undefined,
    });
    this.#arm(origin, 0);
  }

  /** The origin answers again: what it missed is looked at now. */
  recovered(origin: OriginId): void {
    const scheduled = this.#origins.get(origin);
    if (scheduled !== undefined && scheduled.running === undefined) this.#arm(origin, 0);
  }

  remove(origin: OriginId): void {
    const scheduled = this.#origins.get(origin);
    this.#origins.delete(origin);
    scheduled?.timer?.[Symbol.dispose]();
    scheduled?.abort.abort("the origin was removed");
  }

  /** Ends all scans and resolves when none runs. */
  async close(): Promise<void> {
    const running = [...this.#origins.values()].map((scheduled) => scheduled.running);
    for (const origin of [...this.#origins.keys()]) this.remove(origin);
    await Promise.all(running);
  }

  /** Resolves when the scans that run now have ended; for tests and orderly stops. */
  async settled(): Promise<void> {
    await Promise.all([...this.#origins.values()].map((scheduled) => scheduled.running));
  }

  #arm(origin: OriginId, delayMs: number): void {
    const scheduled = this.#origins.get(origin);
    if (scheduled === undefined) return;
    scheduled.timer?.[Symbol.dispose]();
    scheduled.timer = this.ports.clock.schedule(delayMs, () => this.#run(origin, scheduled));
  }

  #run(origin: OriginId, scheduled: Scheduled): void {
    if (!this.ports.usable(origin)) {
      this.#arm(origin, RETRY_MS);
      return;
    }
    const jitter = 1 + JITTER * (2 * this.ports.random() - 1);
    let nextMs = scheduled.intervalMs * jitter;
    scheduled.running = this.ports
      .scan(origin, scheduled.abort.signal)
      .catch((error: unknown) => {
        if (scheduled.abort.signal.aborted) return;
        nextMs = Math.min(nextMs, RETRY_MS);
        this.ports.onFault(`scanning ${origin}: ${messageOf(error)}`);
      })
      .finally(() => {
        scheduled.running = undefined;
        if (this.#origins.get(origin) === scheduled) this.#arm(origin, nextMs);
      });
  }
}
