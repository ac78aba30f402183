/**
 * Absence is not deletion: when what a successful listing no longer shows is held back instead of
 * removed. An unmounted disk looks exactly like an emptied directory.
 */

import { type BytePath, displayPath, joinPath, nameFromBytes } from "../bytes.ts";
import { removeHolding } from "./holdings.ts";
import type { HoldingRow, OriginRow } from "./rows.ts";
import { DIRECTORY, FILE, HoldingState } from "./schema.ts";
import type { Transaction } from "./transaction.ts";
import { treePath } from "./visibility.ts";

/** A holding that a listing of its directory did not show. */
export interface Missing {
  readonly holding: HoldingRow;
  readonly kind: number;
}

/** The holding of a recorded name, with the kind of its entry; undefined when it is gone. */
export function missingAt(
  tx: Transaction,
  origin: number,
  parent: number,
  entry: number,
): Missing | undefined {
  const holding = tx.tables.holding(parent, entry, origin);
  const kind = tx.tables.entry(entry)?.kind;
  return holding === undefined || kind === undefined ? undefined : { holding, kind };
}

/** How many files go with what is missing, each counted once. */
export function countFiles(tx: Transaction, missing: readonly Missing[]): number {
  let files = 0;
  const counted = new Set<number>();
  const count = ({ holding, kind }: Missing): void => {
    if (counted.has(holding.entry)) return;
    counted.add(holding.entry);
    if (kind === FILE) files++;
    else
      for (const row of tx.tables.holdingsIn(holding.entry, holding.origin)) {
        count({ holding: row, kind: row.kind });
      }
  };
  for (const each of missing) count(each);
  return files;
}

/**
 * Why the removal must be held back, for people; undefined when it may go ahead. `filesBefore` is
 * what the origin held when its listing began, `rootEmptied` that its root shows nothing any more.
 */
export function holdReason(
  tx: Transaction,
  origin: OriginRow,
  missing: readonly Missing[],
  filesBefore: number,
  rootEmptied: boolean,
): string | undefined {
  if (missing.length === 0) return undefined;
  const remedy = `if that is right, run: musicfs scan ${origin.id} --allow-empty`;
  if (rootEmptied) {
    return `the root of origin ${origin.id} is empty and held ${filesBefore} files; ${remedy}`;
  }
  const mount = missing.map((each) => lostMountPoint(tx, each)).find((path) => path !== undefined);
  if (mount !== undefined) {
    return `${displayPath(mount)} was a mount point on origin ${origin.id} and is none now; ${remedy}`;
  }
  const files = countFiles(tx, missing);
  if (files * 2 > filesBefore) {
    return `${files} of the ${filesBefore} files of origin ${origin.id} are gone; ${remedy}`;
  }
  return undefined;
}

/** Removes what is missing and answers how many files that were. */
export function removeMissing(tx: Transaction, missing: readonly Missing[]): number {
  let files = 0;
  for (const { holding, kind } of missing) {
    // One that lay below another went with it.
    if (tx.tables.holding(holding.parent, holding.entry, holding.origin) === undefined) continue;
    const entry = tx.tables.entry(holding.entry);
    if (entry === undefined) continue;
    const name = nameFromBytes(entry.name);
    const path = joinPath(treePath(tx, holding.parent), name);
    files += removeHolding(tx, holding, kind, path, name);
  }
  return files;
}

/** A mount point that vanished: among or below what is missing, or around it. */
function lostMountPoint(tx: Transaction, { holding, kind }: Missing): BytePath | undefined {
  const { mountPoint, unmounted } = HoldingState;
  const listed = parentHolding(tx, holding);
  let isInnermost = true;
  for (let at = listed; at !== undefined; ) {
    const outer = parentHolding(tx, at);
    if ((at.state & unmounted) !== 0) return treePath(tx, at.entry);
    if ((at.state & mountPoint) !== 0) {
      // What was listed lies in the directory that the mount had covered.
      const isBare = listed?.device != null && listed.device === outer?.device;
      if (isInnermost && isBare) return treePath(tx, at.entry);
      isInnermost = false;
    }
    at = outer;
  }
  return kind === DIRECTORY ? mountPointBelow(tx, holding) : undefined;
}

function parentHolding(tx: Transaction, holding: HoldingRow): HoldingRow | undefined {
  const parent = tx.tables.entry(holding.parent);
  return parent && tx.tables.holding(parent.parent, parent.id, holding.origin);
}

function mountPointBelow(tx: Transaction, holding: HoldingRow): BytePath | undefined {
  const { mountPoint, unmounted } = HoldingState;
  if ((holding.state & (mountPoint | unmounted)) !== 0) return treePath(tx, holding.entry);
  for (const row of tx.tables.holdingsIn(holding.entry, holding.origin)) {
    const found = row.kind === DIRECTORY ? mountPointBelow(tx, row) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Exported so that a test can look at its plan. */
export const ACCEPT_UNMOUNTED_SQL = `UPDATE holding SET state = state & ~${HoldingState.unmounted}
  WHERE origin = ? AND state & ${HoldingState.unmounted} <> 0`;

/** What was unmounted is accepted as an ordinary directory from now on. */
export function acceptUnmounted(tx: Transaction, origin: number): void {
  tx.tables.query<unknown, [number]>(ACCEPT_UNMOUNTED_SQL).run(origin);
}
