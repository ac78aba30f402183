/**
 * The last complete listing of a directory on an origin, kept as long as what is held there is
 * exactly what it brought: a scan that meets the same mark again has nothing to compare.
 */

import { type BytePath, nameFromBytes } from "../bytes.ts";
import type { DirEntry, FileStat } from "../origins/origin.ts";
import type { Confirmation, KnownListing } from "./catalog.ts";
import { attributesOf } from "./directories.ts";
import { findDirectory } from "./place.ts";
import {
  type HoldingRow,
  type ListingRow,
  type NamedHoldingRow,
  type OriginRow,
  sameAttributes,
} from "./rows.ts";
import type { ScanState } from "./scan_state.ts";
import { HoldingState } from "./schema.ts";
import type { Tables } from "./tables.ts";
import type { Transaction } from "./transaction.ts";

export function knownListing(
  tables: Tables,
  origin: OriginRow,
  directory: BytePath,
): KnownListing | undefined {
  const held = findDirectory(tables, origin, directory);
  const row = held && tables.listing(held.entry, held.origin);
  if (held === undefined || row === undefined) return undefined;
  const { mark, files, bytes } = row;
  const below = row.directories === 0 ? [] : tables.directoriesIn(held.entry, held.origin);
  const shown = below.filter(({ state }) => (state & HoldingState.scaffold) === 0);
  return { mark, files, bytes, directories: shown.map(directoryEntry) };
}

/**
 * Counts the directory as listed by the scan. False when what is held there is no longer what the
 * mark stands for, or the directory itself has changed: then it is listed.
 */
export function confirmListing(
  tables: Tables,
  origin: OriginRow,
  scan: ScanState,
  { directory, mark, stat }: Confirmation,
): boolean {
  const held = findDirectory(tables, origin, directory);
  const row = held && tables.listing(held.entry, held.origin);
  if (held === undefined || row?.mark !== mark || !isAsHeld(held, stat)) return false;
  const { files, bytes } = row;
  scan.listed.set(held.entry, { files, bytes });
  if (directory === "") scan.rootEmptied = false;
  return true;
}

/** A listing was completed and left nothing missing: from now on it is known by its mark, if it has one. */
export function rememberListing(
  tx: Transaction,
  directory: number,
  origin: number,
  mark: string | undefined,
  { files, bytes, directories }: Omit<ListingRow, "mark">,
): void {
  const known = tx.tables.listing(directory, origin);
  const isSame = known?.mark === mark && known?.files === files && known?.bytes === bytes;
  if (isSame && (known === undefined || known.directories === directories)) return;
  // Not a change of the tree: a listing that brought nothing new leaves the revision alone.
  tx.note(() => {
    if (mark === undefined) tx.tables.forgetListing(directory, origin);
    else tx.tables.putListing(directory, origin, { mark, files, bytes, directories });
  });
}

/** What is held in the directory changed by something else than a complete listing. */
export function forgetListing(tx: Transaction, directory: number, origin: number): void {
  rememberListing(tx, directory, origin, undefined, { files: 0, bytes: 0, directories: 0 });
}

function isAsHeld(held: HoldingRow, stat: FileStat): boolean {
  const isSame = held.token === (stat.identity ?? "") && held.device === (stat.device ?? null);
  return isSame && sameAttributes(held, attributesOf(stat));
}

function directoryEntry(row: NamedHoldingRow): DirEntry {
  return {
    name: nameFromBytes(row.name),
    kind: "directory",
    sizeBytes: 0,
    token: "",
    mtimeSec: row.mtime_sec,
    mtimeNsec: row.mtime_nsec,
    mode: row.mode,
    uid: row.uid,
    gid: row.gid,
    ...(row.token !== "" && { identity: row.token }),
    ...(row.device !== null && { device: row.device }),
  };
}
