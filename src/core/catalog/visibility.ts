/**
 * What the tree shows of a name, from what the origins hold there (FR-13.2, FR-13.3).
 *
 * An entry can be shown when an enabled origin holds it and its directory is shown. Of a directory
 * and a file of one name the one on the better origin is shown, the other is shadowed with all that
 * lies below it. A file is the replica of its best origin; a directory merges all of them.
 */

import { type ByteName, type BytePath, joinPath, nameFromBytes } from "../bytes.ts";
import type { OriginId } from "../origins/origin.ts";
import { ROOT_ENTRY } from "./catalog.ts";
import { laterTime, markChanged, rememberTime } from "./directory_time.ts";
import { type EntryRow, type HoldingRow, type ShownRow, sameAttributes } from "./rows.ts";
import { DIRECTORY, FILE, HoldingState, Visibility } from "./schema.ts";
import type { Transaction } from "./transaction.ts";

/** One entry of a name with its holdings on enabled origins, best first. */
interface Candidate {
  readonly entry: EntryRow;
  readonly held: boolean;
  readonly holders: readonly HoldingRow[];
}

/** The path of an entry; `""` for the root and for what is gone. */
export function treePath(tx: Transaction, id: number): BytePath {
  let path = "" as BytePath;
  for (let at = tx.tables.entry(id); at !== undefined && at.id !== ROOT_ENTRY; ) {
    path = joinPath(nameFromBytes(at.name) as string as BytePath, path);
    at = tx.tables.entry(at.parent);
  }
  return path;
}

/** Decides anew what is shown under a name; entries that no origin holds any more are deleted. */
export function review(tx: Transaction, parent: number, name: ByteName): void {
  const parentShown = tx.tables.entry(parent)?.visible === Visibility.shown;
  reviewUnder(tx, parent, parentShown, name);
}

/** As {@link review} for the root, which is always shown. */
export function reviewRoot(tx: Transaction): void {
  const root = tx.tables.entry(ROOT_ENTRY);
  if (root === undefined) return;
  apply(tx, candidate(tx, root), Visibility.shown, "" as ByteName);
}

export function reviewEntry(tx: Transaction, entry: EntryRow): void {
  if (entry.id === ROOT_ENTRY) reviewRoot(tx);
  else review(tx, entry.parent, nameFromBytes(entry.name));
}

function reviewUnder(tx: Transaction, parent: number, parentShown: boolean, name: ByteName): void {
  const candidates = tx.tables.entriesNamed(parent, name).map((entry) => candidate(tx, entry));
  const contenders = candidates.filter(({ holders }) => holders.length > 0);
  const winner = contenders.reduce<Candidate | undefined>(
    (best, next) => (best === undefined || beats(tx, next, best) ? next : best),
    undefined,
  );
  const known = candidates.some(({ entry }) => entry.visible === Visibility.shadowed);
  // What is hidden goes first: its subtree is found by the entries that are still shown.
  for (const each of candidates) {
    if (each !== winner) {
      const shadowed = parentShown && each.holders.length > 0;
      apply(tx, each, shadowed ? Visibility.shadowed : Visibility.none, name);
    }
  }
  if (winner === undefined) return;
  const turned = winner.entry.visible === Visibility.shadowed;
  apply(tx, winner, parentShown ? Visibility.shown : Visibility.none, name);
  const loser = contenders.find((each) => each !== winner);
  if (parentShown && loser !== undefined && (!known || turned)) {
    reportConflict(tx, parent, name, winner, loser);
  }
}

function candidate(tx: Transaction, entry: EntryRow): Candidate {
  const holdings = tx.tables.holdings(entry.parent, entry.id);
  const holders = holdings
    .filter((holding) => tx.rank(holding.origin) !== undefined)
    .sort((a, b) => (tx.rank(a.origin) ?? 0) - (tx.rank(b.origin) ?? 0));
  return { entry, held: holdings.length > 0, holders };
}

/** Equal rank means one origin turned a directory into a file and its removal is held back. */
function beats(tx: Transaction, a: Candidate, b: Candidate): boolean {
  const rankA = tx.rank(a.holders[0]?.origin ?? -1) ?? Infinity;
  const rankB = tx.rank(b.holders[0]?.origin ?? -1) ?? Infinity;
  return rankA === rankB ? a.entry.kind === DIRECTORY : rankA < rankB;
}

function reportConflict(
  tx: Transaction,
  parent: number,
  name: ByteName,
  winner: Candidate,
  loser: Candidate,
): void {
  const shown = tx.origin(winner.holders[0]?.origin ?? -1);
  const hidden = tx.origin(loser.holders[0]?.origin ?? -1);
  if (shown === undefined || hidden === undefined || shown.num === hidden.num) return;
  tx.emit({
    type: "kind_conflict",
    path: joinPath(treePath(tx, parent), name),
    shown: shown.id as OriginId,
    hidden: hidden.id as OriginId,
  });
}

function apply(tx: Transaction, each: Candidate, visible: number, name: ByteName): void {
  const { entry } = each;
  const after = entry.kind === FILE ? fileShown(tx, each, visible) : directoryShown(each, visible);
  const wasShown = entry.visible === Visibility.shown;
  const isShown = visible === Visibility.shown;
  if (isShown !== wasShown) {
    tx.nameChanged(entry, name);
    markChanged(tx, entry.parent);
  }
  if (!each.held && entry.id !== ROOT_ENTRY) {
    if (wasShown && entry.kind === DIRECTORY) showChildren(tx, entry.id, false);
    tx.recount(entry.kind, entry, undefined);
    tx.tables.deleteEntry(entry.id);
    if (entry.kind === FILE) clearServed(tx, entry.id);
    return;
  }
  const same =
    sameAttributes(entry, after) &&
    entry.visible === visible &&
    entry.version === after.version &&
    entry.copies === after.copies;
  if (same) return;
  if (entry.kind === DIRECTORY) rememberTime(tx, entry.id, entry);
  tx.tables.updateEntry(entry.id, after);
  if (entry.id !== ROOT_ENTRY) tx.recount(entry.kind, entry, after);
  if (isShown && wasShown) {
    if (entry.kind === DIRECTORY) tx.directoryChanged(entry.id);
    else if (entry.version !== after.version || !sameAttributes(entry, after)) {
      tx.nameChanged(entry, name);
    }
  }
  if (isShown !== wasShown && entry.kind === DIRECTORY) showChildren(tx, entry.id, isShown);
}

function showChildren(tx: Transaction, directory: number, shown: boolean): void {
  for (const name of tx.tables.childNames(directory)) reviewUnder(tx, directory, shown, name);
}

function fileShown(tx: Transaction, { entry, holders }: Candidate, visible: number): ShownRow {
  const best = holders[0];
  if (best === undefined) return { ...entry, visible, copies: 0 };
  const copies = holders.filter(({ version }) => version === best.version).length;
  const served = servedVersion(tx, entry.id, holders);
  if (served !== undefined) return { ...served, version: served.id, visible, copies };
  const version = tx.tables.version(best.version);
  if (version !== undefined && !sameAttributes(version, best)) {
    const { size, mtime_sec, mtime_nsec, mode, uid, gid } = best;
    tx.tables.updateVersion({ ...version, size, mtime_sec, mtime_nsec, mode, uid, gid });
  }
  return { ...best, visible, copies };
}

function directoryShown({ entry, holders }: Candidate, visible: number): ShownRow {
  const real = holders.filter(({ state }) => (state & HoldingState.scaffold) === 0);
  const best = real[0] ?? holders[0] ?? entry;
  let time = { mtime_sec: entry.changed_sec, mtime_nsec: entry.changed_nsec };
  for (const holding of real) time = laterTime(time, holding);
  const { mode, uid, gid } = best;
  const { mtime_sec, mtime_nsec } = time;
  return { visible, version: 0, size: 0, mtime_sec, mtime_nsec, mode, uid, gid, copies: 0 };
}

/** The version the entry was told to lead to, while an enabled origin holds it. */
function servedVersion(tx: Transaction, entry: number, holders: readonly HoldingRow[]) {
  const row = tx.tables
    .query<{ readonly version: number }, [number]>("SELECT version FROM served WHERE entry = ?")
    .get(entry);
  if (row === null) return undefined;
  const other = holders.findIndex(({ version }) => version === row.version);
  if (other > 0 && row.version !== holders[0]?.version) return tx.tables.version(row.version);
  clearServed(tx, entry);
  return undefined;
}

function clearServed(tx: Transaction, entry: number): void {
  tx.tables.query<unknown, [number]>("DELETE FROM served WHERE entry = ?").run(entry);
}
