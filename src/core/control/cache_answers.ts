/** What the control API answers about the cache (docs/control-api.md). Fields may be added. */

import * as v from "valibot";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const cacheStatus = v.picklist(["ok", "degraded"]);

/** The cache in `status`. */
export const cacheUsageAnswer = v.object({
  status: cacheStatus,
  /** Why nothing is kept for now. */
  reason: v.nullable(v.string()),
  used_bytes: count,
  limit_bytes: count,
  /** Bytes that reads took from the cache, and from elsewhere, since the mount began. */
  hit_bytes: count,
  missed_bytes: count,
});
export type CacheUsageAnswer = v.InferOutput<typeof cacheUsageAnswer>;

export const cacheStatsAnswer = v.object({
  status: cacheStatus,
  /** Why nothing is kept for now. */
  reason: v.nullable(v.string()),
  budget_bytes: count,
  used_bytes: count,
  files: count,
  complete_files: count,
  open_files: count,
  pinned_files: count,
  pinned_bytes: count,
  pins: v.array(v.string()),
});
export type CacheStatsAnswer = v.InferOutput<typeof cacheStatsAnswer>;

export const cacheClearAnswer = v.object({ files: count, bytes: count, left_pinned_files: count });
export type CacheClearAnswer = v.InferOutput<typeof cacheClearAnswer>;

export const cacheVerifyAnswer = v.object({
  files: count,
  blocks: count,
  bytes: count,
  /** Whether the bad blocks were dropped. */
  repaired: v.boolean(),
  bad: v.array(v.object({ path: v.string(), blocks: count })),
});
export type CacheVerifyAnswer = v.InferOutput<typeof cacheVerifyAnswer>;

/** Of `pin` and `prefetch`. */
export const cacheFetchAnswer = v.object({
  files: count,
  bytes: count,
  /** Those of them that came from an origin now. */
  fetched_bytes: count,
  failed: v.array(v.object({ path: v.string(), reason: v.string() })),
});
export type CacheFetchAnswer = v.InferOutput<typeof cacheFetchAnswer>;

export const unpinAnswer = v.object({ unpinned: v.array(v.string()) });
export type UnpinAnswer = v.InferOutput<typeof unpinAnswer>;

/** A line of a stream on the way to the above. */
export const bytesProgress = v.object({ done_bytes: count, total_bytes: count });
