/** Origins come, go, move in rank and prefix; the tree follows (FR-13.3, F-9). */

import { type ByteName, type BytePath, nameFromBytes, pathFromBytes, toBytes } from "../bytes.ts";
import { type CatalogOrigin, ROOT_ENTRY } from "./catalog.ts";
import { cutBranch, graft } from "./graft.ts";
import { removeHolding } from "./holdings.ts";
import type { OriginRow } from "./rows.ts";
import { DIRECTORY, HoldingState, Visibility } from "./schema.ts";
import type { Transaction } from "./transaction.ts";
import { reviewEntry, reviewRoot } from "./visibility.ts";

/** Makes the origins exactly these. Equal ones write nothing. */
export function configure(tx: Transaction, wanted: readonly CatalogOrigin[]): void {
  const ranked = wanted
    .map((origin, position) => ({ origin, position }))
    .sort((a, b) => a.origin.priority - b.origin.priority || a.position - b.position)
    .map(({ origin }) => origin);
  const before = tx.origins;
  const gone = before.filter(({ id }) => !ranked.some((origin) => origin.id === id));
  const moved = ranked.filter((origin) => {
    const row = tx.originNamed(origin.id);
    return row !== undefined && pathFromBytes(row.prefix) !== origin.prefix;
  });
  const added = ranked.filter((origin) => tx.originNamed(origin.id) === undefined);
  ranked.forEach((origin, rank) => {
    writeOrigin(tx, origin, rank);
  });
  for (const { num } of gone) run(tx, "UPDATE origin SET enabled = 0 WHERE num = ?", num);
  tx.reloadOrigins();
  for (const origin of moved) move(tx, origin);
  for (const origin of added) plant(tx, originRow(tx, origin.id));
  for (const origin of gone) {
    uproot(tx, origin);
    run(tx, "DELETE FROM origin WHERE num = ?", origin.num);
  }
  tx.reloadOrigins();
  reviewAffected(tx, before);
  reviewRoot(tx);
}

function run(tx: Transaction, sql: string, num: number): void {
  tx.tables.query<unknown, [number]>(sql).run(num);
}

function originRow(tx: Transaction, id: string): OriginRow {
  const row = tx.originNamed(id);
  if (row === undefined) throw new Error(`origin ${id} was not written`);
  return row;
}

function writeOrigin(tx: Transaction, origin: CatalogOrigin, rank: number): void {
  const known = tx.originNamed(origin.id);
  const enabled = origin.enabled ? 1 : 0;
  const { priority } = origin;
  if (known === undefined) {
    tx.tables
      .query<unknown, (string | number | Uint8Array)[]>(
        `INSERT INTO origin (id, rank, priority, enabled, prefix, files, held, last_complete_ms)
           VALUES (?, ?, ?, ?, ?, 0, 0, 0)`,
      )
      .run(origin.id, rank, priority, enabled, toBytes(origin.prefix));
  } else if (known.rank !== rank || known.priority !== priority || known.enabled !== enabled) {
    tx.tables
      .query<unknown, number[]>(
        "UPDATE origin SET rank = ?, priority = ?, enabled = ? WHERE num = ?",
      )
      .run(rank, priority, enabled, known.num);
  }
}

/** Makes the origin's root, not listed yet, and the directories that lead to it. */
function plant(tx: Transaction, origin: OriginRow): void {
  hold(tx, origin, 0, ROOT_ENTRY, origin.prefix.length === 0 ? 0 : HoldingState.scaffold);
  const prefix = pathFromBytes(origin.prefix);
  const names = prefix === "" ? [] : (prefix.split("/") as ByteName[]);
  let parent = ROOT_ENTRY;
  names.forEach((name, depth) => {
    const entry = tx.tables.directoryNamed(parent, name) ?? makeDirectory(tx, parent, name);
    hold(tx, origin, parent, entry, depth === names.length - 1 ? 0 : HoldingState.scaffold);
    const row = tx.tables.entry(entry);
    if (row !== undefined) reviewEntry(tx, row);
    parent = entry;
  });
}

function makeDirectory(tx: Transaction, parent: number, name: ByteName): number {
  const id = tx.newEntryId();
  const inserted = {
    ...{ id, parent, kind: DIRECTORY, visible: Visibility.none, version: 0, copies: 0 },
    ...{ size: 0, mtime_sec: 0, mtime_nsec: 0, mode: 0o755, uid: -1, gid: -1 },
  };
  tx.tables.insertEntry(inserted, name);
  return id;
}

function hold(
  tx: Transaction,
  origin: OriginRow,
  parent: number,
  entry: number,
  state: number,
): void {
  tx.tables.putHolding({
    ...{ parent, entry, origin: origin.num, state, version: 0, size: 0, token: "" },
    ...{ mtime_sec: 0, mtime_nsec: 0, mode: 0o755, uid: -1, gid: -1, device: null },
  });
}

/** Removes all that the origin holds, scaffolds included. */
function uproot(tx: Transaction, origin: OriginRow): void {
  const root = tx.tables.holding(0, ROOT_ENTRY, origin.num);
  if (root === undefined) return;
  for (const child of tx.tables.holdingsIn(ROOT_ENTRY, origin.num)) {
    const name = nameFromBytes(child.name);
    removeHolding(tx, child, child.kind, name as string as BytePath, name, true);
  }
  tx.tables.deleteHolding(root);
  tx.tables.forgetListing(ROOT_ENTRY, origin.num);
}

/** Moves the origin to another prefix; its files keep what is known of them. */
function move(tx: Transaction, origin: CatalogOrigin): void {
  const old = originRow(tx, origin.id);
  const branch = cutBranch(tx, old);
  uproot(tx, old);
  tx.tables
    .query<unknown, [Uint8Array, number]>("UPDATE origin SET prefix = ? WHERE num = ?")
    .run(toBytes(origin.prefix), old.num);
  tx.reloadOrigins();
  plant(tx, originRow(tx, origin.id));
  if (branch !== undefined) graft(tx, originRow(tx, origin.id), branch);
}

/** Decides anew wherever an origin that changed rank or was switched may make a difference. */
function reviewAffected(tx: Transaction, before: readonly OriginRow[]): void {
  const switched = tx.origins.filter(({ num, enabled }) => {
    const old = before.find((row) => row.num === num);
    return old !== undefined && old.enabled !== enabled;
  });
  const order = (rows: readonly OriginRow[]) => rows.map(({ num }) => num).join();
  const kept = before.filter(({ num }) => tx.origin(num) !== undefined);
  const now = tx.origins.filter(({ num }) => kept.some((row) => row.num === num));
  const ids = new Set<number>();
  for (const { num } of switched) for (const id of entriesOf(tx, num)) ids.add(id);
  if (order(kept) !== order(now)) for (const id of contested(tx)) ids.add(id);
  // A parent's id is smaller than its children's: directories are decided before what they hold.
  for (const id of [...ids].sort((a, b) => a - b)) {
    const entry = tx.tables.entry(id);
    if (entry !== undefined) reviewEntry(tx, entry);
  }
}

function entriesOf(tx: Transaction, origin: number): number[] {
  return tx.tables
    .query<{ readonly entry: number }, [number]>("SELECT entry FROM holding WHERE origin = ?")
    .all(origin)
    .map(({ entry }) => entry);
}

/** Entries where rank decides: several origins, or a directory and a file. */
function contested(tx: Transaction): number[] {
  return tx.tables
    .query<{ readonly entry: number }, []>(
      `SELECT entry FROM holding GROUP BY parent, entry HAVING count(*) > 1
       UNION ALL
       SELECT min(id) FROM entry GROUP BY parent, name HAVING count(*) > 1`,
    )
    .all()
    .map(({ entry }) => entry);
}
