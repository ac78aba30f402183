/** Reads take no more than so many bytes a second from an origin. */

import { type Clock, sleep } from "../../clock.ts";
import type { Origin } from "../origin.ts";
import { WrappedOrigin } from "./wrapped.ts";

const MS_PER_S = 1000;

/**
 * Each read waits until the bytes before it have had their time. A read is never cut: one that is
 * larger than a second's share makes the next wait the longer. Bytes asked for and not read, at the
 * end of a file or after a failure, cost nothing.
 */
export function withBandwidth(inner: Origin, bytesPerSec: number, clock: Clock): Origin {
  let freeAtMs = Number.NEGATIVE_INFINITY;
  return new WrappedOrigin(inner, async (operation, signal, run) => {
    if (operation.kind !== "read") return run(signal);
    const costMs = ((operation.lengthBytes ?? 0) * MS_PER_S) / bytesPerSec;
    const startMs = Math.max(freeAtMs, clock.monotonicMs());
    freeAtMs = startMs + costMs;
    let usedMs = 0;
    try {
      const waitMs = startMs - clock.monotonicMs();
      if (waitMs > 0) await sleep(clock, waitMs, signal);
      const read = await run(signal);
      usedMs = ((typeof read === "number" ? read : 0) * MS_PER_S) / bytesPerSec;
      return read;
    } finally {
      freeAtMs -= costMs - usedMs;
    }
  });
}
