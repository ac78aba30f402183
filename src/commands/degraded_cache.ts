/** What `status` and `health` say of a cache that cannot keep anything. */

import { displayText } from "../core/bytes.ts";
import type { CacheUsageAnswer } from "../core/control/cache_answers.ts";

/** Nothing for a cache that keeps what is read, or for none. */
export function degradedCacheText(cache: CacheUsageAnswer | null): readonly string[] {
  if (cache === null || cache.reason === null) return [];
  return [`the cache keeps nothing for now: ${displayText(cache.reason)}`];
}
