/** A directory as one origin sees it: found by its path, and what a listing of it must know. */

import { type ByteName, type BytePath, joinPath, pathFromBytes } from "../bytes.ts";
import { type ListingPage, ROOT_ENTRY } from "./catalog.ts";
import type { HoldingRow, OriginRow } from "./rows.ts";
import { Visibility } from "./schema.ts";
import type { Tables } from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/** A directory of the tree as one origin lists it. */
export interface Place {
  readonly origin: OriginRow;
  readonly directory: number;
  /** Its path in the tree. */
  readonly path: BytePath;
  readonly shown: boolean;
  /** Nothing is recorded in it yet, so that no name needs to be looked for. */
  readonly fresh: boolean;
  /** The device it lies on, if that means anything. */
  readonly device: number | undefined;
}

/** The origin's holding of a directory, by its path on the origin. */
export function findDirectory(
  tables: Tables,
  origin: OriginRow,
  directory: BytePath,
): HoldingRow | undefined {
  let parent = 0;
  let entry = ROOT_ENTRY;
  const path = joinPath(pathFromBytes(origin.prefix), directory);
  for (const name of path === "" ? [] : path.split("/")) {
    const next = tables.directoryNamed(entry, name as ByteName);
    if (next === undefined) return undefined;
    parent = entry;
    entry = next;
  }
  return tables.holding(parent, entry, origin.num);
}

export function placeOf(
  tx: Transaction,
  origin: OriginRow,
  holding: HoldingRow,
  page: Pick<ListingPage, "directory" | "stat">,
): Place {
  const directory = holding.entry;
  const device = page.stat?.device ?? holding.device;
  const child = tx.tables
    .query<unknown, [number]>("SELECT 1 FROM entry WHERE parent = ? LIMIT 1")
    .get(directory);
  return {
    origin,
    directory,
    path: joinPath(pathFromBytes(origin.prefix), page.directory),
    shown: tx.tables.entry(directory)?.visible === Visibility.shown,
    fresh: child === null,
    device: device ?? undefined,
  };
}
