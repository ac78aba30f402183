/**
 * Pages of listings become holdings. A directory's recorded holdings are read once and compared in
 * memory, so a listing that shows nothing new writes nothing. What remains when the last page was
 * compared is missing.
 */

import { nameFromBytes } from "../bytes.ts";
import { MAX_DEPTH } from "../limits.ts";
import type { DirEntry, OriginId } from "../origins/origin.ts";
import { holdReason, type Missing, removeMissing } from "./absence.ts";
import type { ListingPage } from "./catalog.ts";
import { refreshDirectory } from "./directories.ts";
import { putEntry } from "./holdings.ts";
import { forgetListing, rememberListing } from "./known_listing.ts";
import { findDirectory, type Place, placeOf } from "./place.ts";
import type { HoldingRow, NamedHoldingRow } from "./rows.ts";
import type { ScanState } from "./scan_state.ts";
import { DIRECTORY, FILE, HoldingState } from "./schema.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Listings whose last page is still to come; the oldest is given up for a new one. A tree listed in
 * one go has as many as it is deep.
 */
const MAX_OPEN_LISTINGS = 2 * MAX_DEPTH;

/** Holdings of the directory by kind and name. */
type Recorded = Map<string, NamedHoldingRow>;

/** A listing of several pages, between two of them. */
interface OpenListing {
  readonly origin: number;
  readonly directory: number;
  readonly seen: Set<string>;
  readonly recorded: Recorded;
  /** Something else changed holdings of the directory since `recorded` was read. */
  stale: boolean;
  files: number;
  bytes: number;
  directories: number;
}

export class Listings {
  readonly #open = new Map<string, OpenListing>();

  /** Something else changed what the origin holds in the directory; undefined: in any, of any. */
  touch(origin?: number, directory?: number): void {
    for (const listing of this.#open.values()) {
      const same = listing.origin === origin && listing.directory === directory;
      if (same || directory === undefined) listing.stale = true;
    }
  }

  /** One page, inside a transaction. `scan` is the origin's, if one is under way. */
  apply(tx: Transaction, page: ListingPage, scan: ScanState | undefined): void {
    const key = `${page.origin}/${page.listing ?? 0}/${page.directory}`;
    const before = page.first ? undefined : this.#open.get(key);
    this.#open.delete(key);
    const origin = tx.originNamed(page.origin);
    const found = origin && findDirectory(tx.tables, origin, page.directory);
    if (origin === undefined || found === undefined) return;
    if (page.first && page.stat !== undefined) refreshDirectory(tx, found, page.stat);
    if (page.first && !page.last) forgetListing(tx, found.entry, origin.num);
    const place = placeOf(tx, origin, found, page);
    const open = before?.directory === found.entry ? before : undefined;
    const listing = resume(tx, place, open);
    this.#compare(tx, place, listing, page.entries, scan);
    // A later page without its first ones still tells what is there, but not what is missing.
    if (page.first || open !== undefined) {
      if (page.last) complete(tx, place, listing, found, page, scan);
      else tx.onCommit(() => this.#keep(key, listing));
    }
    tx.onCommit(() => this.#touchOthers(listing));
  }

  #compare(
    tx: Transaction,
    place: Place,
    listing: OpenListing,
    entries: readonly DirEntry[],
    scan: ScanState | undefined,
  ): void {
    const result = { added: 0, modified: 0 };
    const shown: number[] = [];
    for (const entry of entries) {
      const key = recordKey(entry.kind === "file" ? FILE : DIRECTORY, entry.name);
      if (listing.seen.has(key)) continue;
      listing.seen.add(key);
      const known = listing.recorded.get(key);
      listing.recorded.delete(key);
      if (known !== undefined && scan?.missing.has(known.entry)) shown.push(known.entry);
      const put = putEntry(tx, place, entry, known);
      if (put !== "same") result[put]++;
      if (entry.kind === "file") {
        listing.files++;
        listing.bytes += entry.sizeBytes;
      } else listing.directories++;
    }
    if (scan === undefined) return;
    tx.onCommit(() => {
      scan.added += result.added;
      scan.modified += result.modified;
      for (const entry of shown) scan.missing.delete(entry);
    });
  }

  #touchOthers(listing: OpenListing): void {
    for (const other of this.#open.values()) {
      const same = other.origin === listing.origin && other.directory === listing.directory;
      if (same && other !== listing) other.stale = true;
    }
  }

  #keep(key: string, listing: OpenListing): void {
    this.#open.set(key, listing);
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= MAX_OPEN_LISTINGS) break;
      this.#open.delete(oldest);
    }
  }
}

function resume(tx: Transaction, place: Place, open: OpenListing | undefined): OpenListing {
  if (open !== undefined && !open.stale) return open;
  const origin = place.origin.num;
  const { directory } = place;
  const recorded = place.fresh ? new Map() : recordedIn(tx, directory, origin);
  const seen = open?.seen ?? new Set<string>();
  for (const key of seen) recorded.delete(key);
  const { files, bytes, directories } = open ?? { files: 0, bytes: 0, directories: 0 };
  return { origin, directory, seen, recorded, stale: false, files, bytes, directories };
}

function recordKey(kind: number, name: string): string {
  return kind === FILE ? `f${name}` : `d${name}`;
}

function recordedIn(tx: Transaction, directory: number, origin: number): Recorded {
  const recorded: Recorded = new Map();
  for (const row of tx.tables.holdingsIn(directory, origin)) {
    // A scaffold is not in the origin, so no listing shows it.
    if ((row.state & HoldingState.scaffold) !== 0) continue;
    recorded.set(recordKey(row.kind, nameFromBytes(row.name)), row);
  }
  return recorded;
}

/** The last page was compared: what is left was not shown. */
function complete(
  tx: Transaction,
  place: Place,
  listing: OpenListing,
  found: HoldingRow,
  page: ListingPage,
  scan: ScanState | undefined,
): void {
  const { origin, directory } = place;
  const missing: Missing[] = [];
  for (const holding of listing.recorded.values()) missing.push({ holding, kind: holding.kind });
  const rootEmptied = page.directory === "" && listing.seen.size === 0 && missing.length > 0;
  const holding = tx.tables.holding(found.parent, found.entry, found.origin);
  if (holding !== undefined && (holding.state & HoldingState.listed) === 0) {
    tx.tables.putHolding({ ...holding, state: holding.state | HoldingState.listed });
  }
  const mark = missing.length === 0 ? page.mark : undefined;
  rememberListing(tx, directory, origin.num, mark, listing);
  if (scan === undefined) {
    if (origin.held === 1) return;
    const reason = holdReason(tx, origin, missing, origin.files, rootEmptied);
    if (reason === undefined) removeMissing(tx, missing);
    else tx.needsScan = origin.id as OriginId;
    return;
  }
  const { files, bytes } = listing;
  tx.onCommit(() => {
    for (const each of missing) scan.missing.set(each.holding.entry, directory);
    scan.listed.set(directory, { files, bytes });
    if (page.directory === "") scan.rootEmptied = rootEmptied;
  });
}
