/** Moves what an origin holds from one place of the tree to another. */

import { type ByteName, type BytePath, nameFromBytes } from "../bytes.ts";
import { insertHolding } from "./holdings.ts";
import { findDirectory } from "./place.ts";
import type { HoldingRow, OriginRow, VersionRow } from "./rows.ts";
import { FILE, Visibility } from "./schema.ts";
import type { Transaction } from "./transaction.ts";
import { reviewEntry } from "./visibility.ts";

/** A holding with what is known of its bytes and with all that lies below it. */
interface Branch {
  readonly name: ByteName;
  readonly holding: HoldingRow;
  readonly version: VersionRow | undefined;
  /** Another origin's replica is of this version too. */
  readonly shared: boolean;
  readonly children: readonly Branch[];
}

/** What the origin holds, from its root down; undefined for an origin without a root. */
export function cutBranch(tx: Transaction, origin: OriginRow): Branch | undefined {
  const root = findDirectory(tx.tables, origin, "" as BytePath);
  return root && branchOf(tx, root, "" as ByteName);
}

function branchOf(tx: Transaction, holding: HoldingRow, name: ByteName): Branch {
  const version = holding.version === 0 ? undefined : tx.tables.version(holding.version);
  const shared =
    version !== undefined &&
    tx.tables
      .holdings(holding.parent, holding.entry)
      .some((other) => other.origin !== holding.origin && other.version === version.id);
  const rows = version === undefined ? tx.tables.holdingsIn(holding.entry, holding.origin) : [];
  const children = rows.map(({ name, kind: _kind, ...row }) =>
    branchOf(tx, row, nameFromBytes(name)),
  );
  return { name, holding, version, shared, children };
}

/** Puts a branch at the origin's root, which must be there and empty. */
export function graft(tx: Transaction, origin: OriginRow, branch: Branch): void {
  const root = findDirectory(tx.tables, origin, "" as BytePath);
  if (root === undefined) return;
  const { parent, entry } = root;
  tx.tables.putHolding({ ...branch.holding, parent, entry });
  for (const child of branch.children) attach(tx, origin, entry, child);
  const row = tx.tables.entry(entry);
  if (row !== undefined) reviewEntry(tx, row);
}

function attach(tx: Transaction, origin: OriginRow, directory: number, branch: Branch): void {
  const shown = tx.tables.entry(directory)?.visible === Visibility.shown;
  const named = tx.tables.entriesNamed(directory, branch.name);
  const isFile = branch.version !== undefined;
  const known = named.find(({ kind }) => (kind === FILE) === isFile);
  const entry = known?.id ?? tx.newEntryId();
  const version = branch.version === undefined ? 0 : moveVersion(tx, branch, entry);
  const holding = { ...branch.holding, parent: directory, entry, version };
  insertHolding(tx, { origin, shown }, branch.name, holding, named);
  for (const child of branch.children) attach(tx, origin, entry, child);
}

/** Bytes keep their version where no other origin's replica stays behind with it. */
function moveVersion(tx: Transaction, { version, shared }: Branch, entry: number): number {
  if (version === undefined) return 0;
  const id = shared ? tx.newVersionId() : version.id;
  if (shared) {
    tx.tables.insertVersion({ ...version, id, entry });
    return id;
  }
  const { tables } = tx;
  tables.query<unknown, number[]>("UPDATE version SET entry = ? WHERE id = ?").run(entry, id);
  tables.query<unknown, number[]>("DELETE FROM retired WHERE version = ?").run(id);
  return id;
}
