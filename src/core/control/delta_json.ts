/** What delta sync did, as `sync-delta --json` and the control API show it (docs/configuration.md). */

import type { SyncDeltaReport, SyncedFile } from "../sync/delta/sync_delta.ts";
import type { SyncDeltaAnswer } from "./delta_answers.ts";
import { shownPath } from "./event_json.ts";

export function syncDeltaJson(report: SyncDeltaReport): SyncDeltaAnswer {
  const { dryRun, checked, current, files, elapsedMs } = report;
  const sum = (of: (file: SyncedFile) => number) =>
    files.reduce((total, file) => total + of(file), 0);
  const reused = (file: SyncedFile) => reusedBytes(file, dryRun);
  return {
    dry_run: dryRun,
    checked,
    current,
    totals: {
      files: files.length,
      failed: files.filter(({ method }) => method === undefined).length,
      bytes: sum(({ sizeBytes }) => sizeBytes),
      fetched_bytes: sum(({ fetchedBytes }) => fetchedBytes),
      reused_bytes: sum(reused),
      elapsed_ms: Math.round(elapsedMs),
    },
    files: files.map((file) => ({
      path: shownPath(file.path),
      method: file.method ?? null,
      bytes: file.sizeBytes,
      fetched_bytes: file.fetchedBytes,
      reused_bytes: reused(file),
      elapsed_ms: Math.round(file.elapsedMs),
      reason: file.reason ?? null,
    })),
  };
}

function reusedBytes({ method, sizeBytes, fetchedBytes }: SyncedFile, dryRun: boolean): number {
  if (dryRun || method === undefined) return 0;
  return Math.max(0, sizeBytes - fetchedBytes);
}
