/** What is said of the cache, as `musicfs cache --json` and the control API show it (docs/control-api.md). */

import type { CacheState } from "../cache/block_cache.ts";
import type { FetchedFiles } from "../cache/fetch_files.ts";
import type { CacheStats, ClearReport, VerifyReport } from "../cache/store_protocol.ts";
import type {
  CacheClearAnswer,
  CacheFetchAnswer,
  CacheStatsAnswer,
  CacheUsageAnswer,
  CacheVerifyAnswer,
} from "./cache_answers.ts";
import type { ControlledCache } from "./controlled_mount.ts";
import { shownPath } from "./event_json.ts";
import type { LiveCache } from "./live.ts";

export function cacheStatsJson(state: CacheState, stats: CacheStats): CacheStatsAnswer {
  return {
    ...cacheStateJson(state),
    budget_bytes: stats.budgetBytes,
    used_bytes: stats.usedBytes,
    files: stats.files,
    complete_files: stats.completeFiles,
    open_files: stats.openFiles,
    pinned_files: stats.pinnedFiles,
    pinned_bytes: stats.pinnedBytes,
    pins: stats.pins.map(shownPath),
  };
}

function cacheStateJson(state: CacheState) {
  return { status: state.status, reason: state.status === "ok" ? null : state.reason };
}

/** The cache in `status`; null for a mount that has none. */
export function cacheUsageJson(cache: ControlledCache | undefined): CacheUsageAnswer | null {
  if (cache === undefined) return null;
  const { usage, state } = cache;
  return {
    ...cacheStateJson(state),
    used_bytes: usage.usedBytes,
    limit_bytes: usage.limitBytes,
    hit_bytes: usage.hitBytes,
    missed_bytes: usage.missedBytes,
  };
}

/** The cache in the live view. */
export function cacheLiveJson(cache: ControlledCache | undefined): LiveCache | null {
  const json = cacheUsageJson(cache);
  if (json === null) return null;
  const { status: state, reason: _, ...usage } = json;
  return { state, ...usage };
}

export function clearJson({ files, bytes, leftFiles }: ClearReport): CacheClearAnswer {
  return { files, bytes, left_pinned_files: leftFiles };
}

export function verifyJson(report: VerifyReport, isRepaired: boolean): CacheVerifyAnswer {
  const { files, blocks, bytes } = report;
  const bad = report.bad.map((each) => ({ path: shownPath(each.path), blocks: each.blocks }));
  return { files, blocks, bytes, repaired: isRepaired, bad };
}

export function fetchJson({ files, bytes, fetchedBytes, failed }: FetchedFiles): CacheFetchAnswer {
  return {
    files,
    bytes,
    fetched_bytes: fetchedBytes,
    failed: failed.map(({ path, reason }) => ({ path: shownPath(path), reason })),
  };
}
