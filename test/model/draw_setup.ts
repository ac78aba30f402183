/** What a history begins with. */

import type { Dice } from "../support/dice.ts";
import type { OriginName, OriginSetup, Setup } from "./operations.ts";

const ORIGINS: readonly OriginName[] = ["a", "b", "c", "d"];

/** Less than one large file, a few of them, more than there is. */
const CACHE_BUDGETS_BYTES = [100_000, 400_000, 2 ** 30] as const;
/** How often there is a cache, and then an origin whose bytes are kept. */
const CACHE_SHARE = 0.5;
const CACHED_SHARE = 0.7;

export function drawSetup(dice: Dice): Setup {
  const count = 1 + dice.below(ORIGINS.length);
  const weak = dice.chance(0.3);
  const hasCache = dice.chance(CACHE_SHARE);
  const origins = ORIGINS.slice(0, count).map(
    (id): OriginSetup => ({
      id,
      priority: dice.below(4),
      prefix: dice.chance(0.85) ? "" : "p",
      weak: weak && dice.chance(0.5),
      watched: dice.chance(0.5),
      attached: dice.chance(0.85),
      pageEntries: dice.one([1, 2, 1000]),
      maxConcurrency: dice.one([1, 2, 64, 64]),
      cache: hasCache && dice.chance(CACHED_SHARE),
    }),
  );
  return {
    origins,
    failover: dice.chance(0.75) ? "probable" : "proved",
    onMismatch: dice.chance(0.8) ? "refuse" : "serve",
    hedge: dice.chance(0.75),
    readDeadlineMs: dice.one([30_000, 30_000, 3000]),
    storeDelayMs: dice.one([0, 0, 3, 40]),
    revalidateSecs: dice.one([0, 60, 3600]),
    pollIntervalSecs: dice.one([60, 900]),
    cacheBudgetBytes: hasCache ? dice.one(CACHE_BUDGETS_BYTES) : 0,
    cacheDelayMs: dice.one([0, 0, 3, 40]),
  };
}
