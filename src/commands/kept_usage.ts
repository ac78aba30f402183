/** What remote origins cost so far, from the cache directory: for when no mount runs that could be asked. */

import { systemClock } from "../core/clock.ts";
import type { Config } from "../core/config/config.ts";
import type { OriginId, OriginType } from "../core/origins/origin.ts";
import { type OriginUsage, UsageLedger, usageFile } from "../core/origins/usage.ts";

/** Undefined for an origin that is not counted. */
export type KeptUsage = (id: OriginId, type: OriginType) => OriginUsage | undefined;

export async function keptUsage({ cacheDir }: Config): Promise<KeptUsage> {
  const ledger = await UsageLedger.open({ clock: systemClock, store: usageFile(cacheDir) });
  return (id, type) => (type === "local" ? undefined : ledger.usage(id));
}
