/**
 * What one origin holds in a directory: adding, changing and removing it, with everything that
 * follows for versions, the visible tree and events.
 */

import { type ByteName, type BytePath, joinPath, nameFromBytes } from "../bytes.ts";
import type { DirEntry, OriginId } from "../origins/origin.ts";
import { attributesOf, changeDirectory, mountState } from "./directories.ts";
import { markChanged } from "./directory_time.ts";
import type { Place } from "./place.ts";
import { type AttributeRow, type EntryRow, type HoldingRow, sameAttributes } from "./rows.ts";
import { DIRECTORY, FILE, Visibility } from "./schema.ts";
import type { Transaction } from "./transaction.ts";
import { review } from "./visibility.ts";

export type PutResult = "same" | "added" | "modified";

/**
 * The origin holds `entry` in the directory. `known` is its holding of that name and kind as last
 * recorded. Answers what that means for the origin's files; directories are never "added".
 */
export function putEntry(
  tx: Transaction,
  place: Place,
  entry: DirEntry,
  known: HoldingRow | undefined,
): PutResult {
  if (entry.kind === "directory") {
    const state = mountState(place, entry, known);
    if (known === undefined) addHolding(tx, place, entry, state);
    else changeDirectory(tx, known, entry, state, entry.name);
    return "same";
  }
  if (known === undefined) {
    report(tx, "file_added", place, entry.name);
    addHolding(tx, place, entry, 0);
    return "added";
  }
  const row = attributesOf(entry);
  if (known.token === entry.token && sameAttributes(known, row)) return "same";
  if (known.token === entry.token && known.size === row.size) {
    changeAttributes(tx, place, entry.name, known, row);
    return "same";
  }
  const version = newVersion(tx, known.entry, row);
  tx.tables.putHolding({ ...known, ...row, token: entry.token, version });
  review(tx, place.directory, entry.name);
  retireUnheld(tx, known);
  report(tx, "file_modified", place, entry.name);
  reportSizeMismatch(tx, place, entry.name, known.entry);
  return "modified";
}

/**
 * The origin no longer holds this; of a directory, nothing below it either. `path` is the tree's.
 * Answers how many files that were.
 */
export function removeHolding(
  tx: Transaction,
  holding: HoldingRow,
  kind: number,
  path: BytePath,
  name: ByteName,
  silent = false,
): number {
  let files = 0;
  if (kind === DIRECTORY) {
    tx.tables.forgetListing(holding.entry, holding.origin);
    for (const child of tx.tables.holdingsIn(holding.entry, holding.origin)) {
      const childName = nameFromBytes(child.name);
      const childPath = joinPath(path, childName);
      files += removeHolding(tx, child, child.kind, childPath, childName, silent);
    }
  }
  tx.tables.deleteHolding(holding);
  if (kind === FILE) {
    files = 1;
    tx.countReplica(holding.origin, -1);
    retireUnheld(tx, holding);
    const origin = tx.origin(holding.origin);
    if (!silent && origin !== undefined) {
      tx.emit({ type: "file_removed", origin: origin.id as OriginId, path });
    }
  }
  review(tx, holding.parent, name);
  return files;
}

/** Records a version that no holding refers to any more. */
export function retireUnheld(tx: Transaction, { parent, entry, version }: HoldingRow): void {
  const held = tx.tables.holdings(parent, entry).some((other) => other.version === version);
  if (!held) tx.tables.retire(version);
}

function addHolding(tx: Transaction, place: Place, entry: DirEntry, state: number): void {
  const { directory, origin, path } = place;
  const isFile = entry.kind === "file";
  const row = attributesOf(entry);
  const device = entry.device ?? null;
  const token = (isFile ? entry.token : entry.identity) ?? "";
  const named = place.fresh ? [] : tx.tables.entriesNamed(directory, entry.name);
  const known = named.find(({ kind }) => kind === (isFile ? FILE : DIRECTORY));
  const id = known?.id ?? tx.newEntryId();
  const version = isFile ? newVersion(tx, id, row) : 0;
  const holding = { ...row, parent: directory, entry: id, origin: origin.num };
  insertHolding(tx, place, entry.name, { ...holding, state, version, token, device }, named);
  // What was a file and is a directory now is no longer that file; the reverse waits for the
  // listing's end, because it takes a whole subtree away.
  const replaced = isFile ? undefined : named.find(({ kind }) => kind === FILE);
  const file = replaced && tx.tables.holding(directory, replaced.id, origin.num);
  if (file !== undefined) removeHolding(tx, file, FILE, joinPath(path, entry.name), entry.name);
  if (isFile && known !== undefined) reportSizeMismatch(tx, place, entry.name, id);
}

/** Adds a holding and, unless it is among those `named` so, its entry; shows what follows. */
export function insertHolding(
  tx: Transaction,
  place: Pick<Place, "origin" | "shown">,
  name: ByteName,
  holding: HoldingRow,
  named: readonly EntryRow[],
): void {
  const { entry: id, parent, version } = holding;
  const kind = version === 0 ? DIRECTORY : FILE;
  if (!named.some((entry) => entry.id === id)) {
    // With no other entry of that name nothing remains to be decided.
    const shown = named.length === 0 && place.shown && place.origin.enabled === 1;
    const visible = shown ? Visibility.shown : Visibility.none;
    const copies = kind === FILE && place.origin.enabled === 1 ? 1 : 0;
    const inserted = { ...holding, id, kind, visible, copies };
    tx.tables.insertEntry(inserted, name);
    tx.recount(kind, undefined, inserted);
    if (shown) {
      tx.nameChanged({ parent }, name);
      markChanged(tx, parent);
    }
  }
  tx.tables.putHolding(holding);
  if (kind === FILE) tx.countReplica(holding.origin, 1);
  if (named.length > 0) review(tx, parent, name);
}

/** Times, mode or owner changed and the bytes did not. */
function changeAttributes(
  tx: Transaction,
  place: Place,
  name: ByteName,
  known: HoldingRow,
  row: AttributeRow,
): void {
  tx.tables.putHolding({ ...known, ...row });
  const version = tx.tables.version(known.version);
  // The visible version's attributes are those of the best origin, which the review knows.
  if (version !== undefined && tx.tables.entry(known.entry)?.version !== known.version) {
    tx.tables.updateVersion({ ...version, ...row });
  }
  review(tx, place.directory, name);
}

function newVersion(tx: Transaction, entry: number, row: AttributeRow): number {
  const id = tx.newVersionId();
  tx.tables.insertVersion({ ...row, id, entry, fingerprint: null, sha256: null });
  return id;
}

function report(
  tx: Transaction,
  type: "file_added" | "file_modified",
  place: Place,
  name: ByteName,
): void {
  tx.emit({ type, origin: place.origin.id as OriginId, path: joinPath(place.path, name) });
}

/** Tells of replicas that cannot be the visible file because their size differs. */
function reportSizeMismatch(tx: Transaction, place: Place, name: ByteName, entry: number): void {
  const { origin, directory, path } = place;
  if (origin.enabled === 0) return;
  const holders = tx.tables
    .holdings(directory, entry)
    .filter((holding) => tx.rank(holding.origin) !== undefined)
    .sort((a, b) => (tx.rank(a.origin) ?? 0) - (tx.rank(b.origin) ?? 0));
  const [best, ...others] = holders;
  if (best === undefined) return;
  for (const other of others) {
    if (other.size === best.size) continue;
    if (best.origin !== origin.num && other.origin !== origin.num) continue;
    const ids = [tx.origin(best.origin)?.id, tx.origin(other.origin)?.id];
    tx.emit({
      type: "replica_mismatch",
      path: joinPath(path, name),
      origins: [ids[0] as OriginId, ids[1] as OriginId],
      how: "size",
    });
  }
}
