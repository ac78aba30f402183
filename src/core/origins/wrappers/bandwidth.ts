/** Reads take no more than so many bytes a second from an origin. */

import type { Clock } from "../../clock.ts";
import { cancelled, throwIfAborted } from "../abort.ts";
import type { Origin } from "../origin.ts";
import { WrappedOrigin } from "./wrapped.ts";

const MS_PER_S = 1000;

/**
 * Each read waits until the bytes before it have had their time; those that somebody waits for go
 * before those in the background. A read is never cut: one that is larger than a second's share
 * makes the next wait the longer. Bytes asked for and not read, at the end of a file or after a
 * failure, cost nothing.
 */
export function withBandwidth(inner: Origin, bytesPerSec: number, clock: Clock): Origin {
  const pace = new Pace(bytesPerSec, clock);
  return new WrappedOrigin(inner, async (operation, signal, run) => {
    if (operation.kind !== "read") return run(signal);
    const { lengthBytes = 0, background = false, onWaiting } = operation;
    throwIfAborted(signal);
    const turn = pace.take(lengthBytes, background, signal);
    if (turn !== undefined) {
      onWaiting?.(true);
      await turn;
      onWaiting?.(false);
    }
    let readBytes = 0;
    try {
      const read = await run(signal);
      readBytes = typeof read === "number" ? read : 0;
      return read;
    } finally {
      pace.giveBack(lengthBytes - readBytes);
    }
  });
}

interface Waiter {
  readonly lengthBytes: number;
  readonly start: () => void;
}

class Pace {
  readonly #urgent = new Set<Waiter>();
  readonly #patient = new Set<Waiter>();
  /** When the bytes taken so far have had their time. */
  #freeAtMs = Number.NEGATIVE_INFINITY;
  #timer: Disposable | undefined;

  constructor(
    readonly bytesPerSec: number,
    readonly clock: Clock,
  ) {}

  /**
   * Resolves when it is the turn of so many bytes, which are taken then; undefined: it is already.
   * Rejects with `cancelled`.
   */
  take(
    lengthBytes: number,
    isPatient: boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> | undefined {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const queue = isPatient ? this.#patient : this.#urgent;
    const leave = () => {
      queue.delete(waiter);
      this.#next();
      reject(cancelled(signal));
    };
    const waiter = {
      lengthBytes,
      start: () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      },
    };
    signal?.addEventListener("abort", leave, { once: true });
    queue.add(waiter);
    this.#next();
    return queue.has(waiter) ? promise : undefined;
  }

  giveBack(lengthBytes: number): void {
    this.#freeAtMs -= this.#costMs(lengthBytes);
    this.#next();
  }

  /** Starts those whose turn it is, and comes back when it is the next one's. */
  #next(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    for (;;) {
      const queue = this.#urgent.size > 0 ? this.#urgent : this.#patient;
      const [waiter] = queue;
      if (waiter === undefined) return;
      const nowMs = this.clock.monotonicMs();
      if (this.#freeAtMs > nowMs) {
        this.#timer = this.clock.schedule(this.#freeAtMs - nowMs, () => this.#next());
        return;
      }
      queue.delete(waiter);
      this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + this.#costMs(waiter.lengthBytes);
      waiter.start();
    }
  }

  #costMs(lengthBytes: number): number {
    return (lengthBytes * MS_PER_S) / this.bytesPerSec;
  }
}
