/** Waiting that ends when its caller gives up. */

import { OwnError } from "../errors.ts";

/** What an operation rejects with once its signal has aborted. */
export function cancelled(signal?: AbortSignal): OwnError {
  return new OwnError("cancelled", "cancelled", { cause: signal?.reason });
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(signal);
}

/**
 * Settles as `promise` does, or rejects with `cancelled` as soon as `signal` aborts; what `promise`
 * comes to after that is ignored.
 */
export function untilAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
  const { promise: outcome, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => reject(cancelled(signal));
  const settled = () => signal.removeEventListener("abort", abort);
  promise.then(resolve, reject).finally(settled);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return outcome;
}
