/** What the control API answers about delta sync (docs/control-api.md). Fields may be added. */

import * as v from "valibot";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const counts = {
  bytes: count,
  /** Those that came from an origin, */
  fetched_bytes: count,
  /** and those that were in the cache already. */
  reused_bytes: count,
  elapsed_ms: count,
};

export const syncDeltaAnswer = v.object({
  dry_run: v.boolean(),
  /** Files that were looked at, and those of them that were up to date. */
  checked: count,
  current: count,
  totals: v.object({ files: count, failed: count, ...counts }),
  /** Those that were, or are to be, brought to their new versions. */
  files: v.array(
    v.object({
      path: v.string(),
      /** Null: it failed. */
      method: v.nullable(v.picklist(["moved", "index", "splice", "whole"])),
      ...counts,
      /** Why it failed, or why a method with fewer bytes was not used. */
      reason: v.nullable(v.string()),
    }),
  ),
});
export type SyncDeltaAnswer = v.InferOutput<typeof syncDeltaAnswer>;
