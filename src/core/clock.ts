/** Time as a parameter, so that tests and the simulator run in virtual time. */

import { OwnError } from "./errors.ts";

export interface Clock {
  /** Wall clock, in milliseconds since the epoch; may jump. For what people read. */
  wallMs(): number;
  /** Monotonic clock, in milliseconds with a fraction. For durations and deadlines. */
  monotonicMs(): number;
  /** Runs `task` once after `delayMs`; the returned handle cancels it and may be disposed twice. */
  schedule(delayMs: number, task: () => void): Disposable;
}

/** The machine's clock. Timers do not keep the process alive. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    timer.unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** Resolves after `delayMs`; rejects with `cancelled` (cause: the signal's reason) when aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const cancel = () => {
    timer[Symbol.dispose]();
    reject(new OwnError("cancelled", "cancelled while waiting", { cause: signal?.reason }));
  };
  const timer = clock.schedule(delayMs, () => {
    signal?.removeEventListener("abort", cancel);
    resolve();
  });
  if (signal?.aborted) cancel();
  else signal?.addEventListener("abort", cancel, { once: true });
  return promise;
}

/** Uniform in [0, 1), like Math.random; seeded in tests. */
export type Random = () => number;
