/** Counts what an origin costs, for those that do not count their requests themselves. */

import type { Origin } from "../origin.ts";
import type { UsageMeter } from "../usage.ts";
import { WrappedOrigin } from "./wrapped.ts";

/** One request an operation (a page of a listing is one), and the bytes that reads answered. */
export function withUsage(inner: Origin, meter: UsageMeter): Origin {
  return new WrappedOrigin(inner, async (operation, signal, run) => {
    meter.request();
    const result = await run(signal);
    if (operation.kind === "read" && typeof result === "number") meter.received(result);
    return result;
  });
}
