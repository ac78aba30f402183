/** One probe of one origin that ends in time whatever the origin does. */

import type { Clock } from "../clock.ts";
import { OriginError } from "../errors.ts";
import type { Origin, ProbeResult } from "../origins/origin.ts";

export type ProbeOutcome = ProbeResult | { readonly status: "failed"; readonly error: unknown };

export interface BoundedProbe {
  /** Never rejects; settles within the time-out, or at once when `abandon` was called. */
  readonly outcome: Promise<ProbeOutcome>;
  /** Aborts the probe; the outcome is then a failure that concerns nobody. Idempotent. */
  abandon(): void;
}

/**
 * Starts `origin.probe`. After `timeoutMs` the outcome is a `timeout` failure and the probe is
 * aborted; what it still does afterwards is ignored.
 */
export function startProbe(
  origin: Origin,
  timeoutMs: number,
  schedule: Clock["schedule"],
): BoundedProbe {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<ProbeOutcome>();
  const finish = (outcome: ProbeOutcome) => {
    timer[Symbol.dispose]();
    resolve(outcome);
  };
  const timer = schedule(timeoutMs, () => {
    const message = `did not answer the health check within ${timeoutMs} ms`;
    finish({ status: "failed", error: new OriginError("timeout", origin.id, "", message) });
    controller.abort();
  });
  probe(origin, controller.signal).then(finish, (error: unknown) =>
    finish({ status: "failed", error }),
  );
  return {
    outcome: promise,
    abandon() {
      finish({ status: "failed", error: controller.signal.reason });
      controller.abort();
    },
  };
}

/** Turns what `origin.probe` throws before its first `await` into a rejection. */
async function probe(origin: Origin, signal: AbortSignal): Promise<ProbeResult> {
  return origin.probe(signal);
}
