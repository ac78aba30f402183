/** The end of a scan: what was not shown goes, or is held back, and the sums are made. */

import {
  acceptUnmounted,
  countFiles,
  holdReason,
  type Missing,
  missingAt,
  removeMissing,
} from "./absence.ts";
import type { ScanOutcome, ScanReport } from "./catalog.ts";
import type { OriginRow } from "./rows.ts";
import type { ScanState } from "./scan_state.ts";
import type { Transaction } from "./transaction.ts";

export function finishScan(
  tx: Transaction,
  origin: OriginRow,
  scan: ScanState,
  options: { readonly complete: boolean; readonly allowEmpty: boolean },
): Omit<ScanReport, "changes"> {
  const missing: Missing[] = [];
  for (const [entry, parent] of scan.missing) {
    const found = missingAt(tx, origin.num, parent, entry);
    if (found !== undefined) missing.push(found);
  }
  const reason = options.allowEmpty
    ? undefined
    : (holdReason(tx, origin, missing, scan.filesBefore, scan.rootEmptied) ??
      stillHeld(origin, missing, options.complete));
  const { files, bytes } = scan.totals();
  const outcome: ScanOutcome =
    reason !== undefined ? "held" : options.complete ? "complete" : "partial";
  const removed = reason === undefined ? removeMissing(tx, missing) : 0;
  const held = reason === undefined ? 0 : countFiles(tx, missing);
  // What lies in directories that could not be listed is neither shown nor missing.
  const unseen = options.complete ? 0 : tx.replicas(origin.num) - files - held;
  if (reason === undefined && (options.complete || options.allowEmpty)) {
    acceptUnmounted(tx, origin.num);
  }
  record(tx, origin, outcome);
  return {
    outcome,
    directories: scan.listed.size,
    files,
    bytes,
    added: scan.added,
    modified: scan.modified,
    removed,
    kept: held + Math.max(0, unseen),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** What a scan held back is not given up bit by bit by scans that do not see everything. */
function stillHeld(
  origin: OriginRow,
  missing: readonly Missing[],
  complete: boolean,
): string | undefined {
  if (origin.held === 0 || complete || missing.length === 0) return undefined;
  return `removals of origin ${origin.id} were held, and not all of it could be listed since`;
}

function record(tx: Transaction, origin: OriginRow, outcome: ScanOutcome): void {
  const held = outcome === "held" ? 1 : 0;
  const completeMs = outcome === "complete" ? Math.floor(tx.nowMs) : origin.last_complete_ms;
  // Not a change of the tree: a scan that found nothing new leaves the revision alone.
  tx.note(() => {
    tx.tables
      .query<unknown, number[]>("UPDATE origin SET held = ?, last_complete_ms = ? WHERE num = ?")
      .run(held, completeMs, origin.num);
  });
}
