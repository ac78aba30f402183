/**
 * When a directory changed, as far as the tree shows it. Scanners decide by a directory's mtime
 * whether to look into it, so every addition and removal in it must move that mtime, also where no
 * origin's own mtime moves: a replica that appears on a second origin, a removed origin, a file
 * that lost against a directory.
 *
 * While a directory is filled for the first time its mtime stays the origin's: nobody has seen it
 * complete. Whoever was given an incomplete listing in that time says so (`noteIncomplete`), which
 * moves the mtime and makes later additions count.
 */

import type { Mtime } from "./rows.ts";
import { DIRECTORY, HoldingState } from "./schema.ts";
import type { Transaction } from "./transaction.ts";

export function laterTime(a: Mtime, b: Mtime): Mtime {
  const later =
    a.mtime_sec === b.mtime_sec ? a.mtime_nsec > b.mtime_nsec : a.mtime_sec > b.mtime_sec;
  return later ? a : b;
}

/** An addition to or removal from the directory was seen. */
export function markChanged(tx: Transaction, directory: number): void {
  if (tx.changed.has(directory)) return;
  tx.changed.set(directory, !isFirstFill(tx, directory));
}

/** What the directory's mtime was before this transaction; told of each change of it. */
export function rememberTime(tx: Transaction, id: number, shown: Mtime): void {
  if (!tx.timesBefore.has(id)) tx.timesBefore.set(id, shown);
}

/** The directory was shown to someone before its listing was complete. */
export function markIncomplete(tx: Transaction, directory: number): void {
  tx.changed.set(directory, true);
}

function isFirstFill(tx: Transaction, directory: number): boolean {
  const entry = tx.tables.entry(directory);
  if (entry === undefined || entry.changed_sec !== 0 || entry.changed_nsec !== 0) return false;
  let real = false;
  for (const holding of tx.tables.holdings(entry.parent, directory)) {
    if ((holding.state & HoldingState.scaffold) !== 0) continue;
    if ((holding.state & HoldingState.listed) !== 0) return false;
    if (tx.rank(holding.origin) !== undefined) real = true;
  }
  return real;
}

/** Writes the times of the directories that changed; before the transaction is flushed. */
export function settleDirectoryTimes(tx: Transaction): void {
  for (const [directory, counts] of tx.changed) {
    const entry = tx.tables.entry(directory);
    if (entry?.kind !== DIRECTORY) continue;
    // Hidden ones, too: shown again, they are the same node, whose names the kernel may have kept.
    tx.directoryChanged(directory);
    if (!counts) continue;
    // Always after what was shown before, even when the origin's clock is ahead of ours, or when the
    // origin whose mtime it was goes with its names.
    const shown = laterTime(entry, tx.timesBefore.get(directory) ?? entry);
    const { mtime_sec, mtime_nsec } = laterTime(nowAsMtime(tx.nowMs), oneAfter(shown));
    tx.tables.setChanged(directory, mtime_sec, mtime_nsec);
    tx.tables.updateEntry(directory, { ...entry, mtime_sec, mtime_nsec });
  }
}

function nowAsMtime(nowMs: number): Mtime {
  const mtime_sec = Math.floor(nowMs / 1000);
  return { mtime_sec, mtime_nsec: Math.floor((nowMs - mtime_sec * 1000) * 1e6) };
}

function oneAfter({ mtime_sec, mtime_nsec }: Mtime): Mtime {
  return mtime_nsec === 999_999_999
    ? { mtime_sec: mtime_sec + 1, mtime_nsec: 0 }
    : { mtime_sec, mtime_nsec: mtime_nsec + 1 };
}
