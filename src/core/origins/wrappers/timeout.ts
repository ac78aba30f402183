/** Every operation ends in time, whether or not the origin does. */

import { displayPath } from "../../bytes.ts";
import type { Clock } from "../../clock.ts";
import { OriginError } from "../../errors.ts";
import { cancelled, throwIfAborted } from "../abort.ts";
import type { Origin } from "../origin.ts";
import { following, type Operation, WrappedOrigin } from "./wrapped.ts";

/**
 * After `timeoutMs` an operation rejects with `timeout` and the inner one is aborted; what it comes
 * to after that is ignored. An origin writes nothing into a read's buffer once its signal has
 * aborted, so the caller may use the buffer again at once.
 */
export function withTimeout(inner: Origin, timeoutMs: number, clock: Clock): Origin {
  const around = <T>(
    operation: Operation,
    signal: AbortSignal | undefined,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const controller = new AbortController();
    const stop = new DisposableStack();
    const settle = (finish: () => void) => {
      stop.dispose();
      finish();
    };
    stop.use(following(signal, controller));
    stop.use(
      clock.schedule(timeoutMs, () => {
        const error = timedOut(inner, operation, timeoutMs);
        settle(() => reject(error));
        controller.abort(error);
      }),
    );
    controller.signal.addEventListener("abort", () => settle(() => reject(cancelled(signal))), {
      once: true,
    });
    run(controller.signal).then(
      (result) => settle(() => resolve(result)),
      (error) => settle(() => reject(error)),
    );
    return promise;
  };
  return new WrappedOrigin(inner, async (operation, signal, run) => {
    throwIfAborted(signal);
    return around(operation, signal, run);
  });
}

function timedOut(origin: Origin, { kind, path }: Operation, timeoutMs: number): OriginError {
  const message = `no answer to ${kind} within ${timeoutMs} ms`;
  return new OriginError("timeout", origin.id, displayPath(path), message);
}
