/** The statements that read and write the catalog's rows. No rules live here. */

import type { SQLQueryBindings, Statement } from "bun:sqlite";
import { type ByteName, nameFromBytes, toBytes } from "../bytes.ts";
import type { Connection } from "./connection.ts";
import type {
  EntryRow,
  HoldingRow,
  ListingRow,
  NamedHoldingRow,
  OriginRow,
  ShownRow,
  VersionRow,
} from "./rows.ts";
import { DIRECTORY } from "./schema.ts";

/** The statements, exported so that a test can look at their plans. */
export const WRITER_SQL = {
  entry: "SELECT * FROM entry WHERE id = ?",
  entriesNamed: "SELECT * FROM entry WHERE parent = ? AND name = ?",
  directoryNamed: `SELECT id FROM entry WHERE parent = ? AND name = ? AND kind = ${DIRECTORY}`,
  childNames: "SELECT DISTINCT name FROM entry WHERE parent = ?",
  insertEntry: "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
  updateEntry: `UPDATE entry SET visible = ?, version = ?, size = ?, mtime_sec = ?, mtime_nsec = ?,
         mode = ?, uid = ?, gid = ?, copies = ? WHERE id = ?`,
  deleteEntry: "DELETE FROM entry WHERE id = ?",
  setChanged: "UPDATE entry SET changed_sec = ?, changed_nsec = ? WHERE id = ?",
  holdings: "SELECT * FROM holding WHERE parent = ? AND entry = ?",
  holding: "SELECT * FROM holding WHERE parent = ? AND entry = ? AND origin = ?",
  holdingsIn: `SELECT h.*, e.name, e.kind FROM holding h CROSS JOIN entry e ON e.id = h.entry
         WHERE h.parent = ? AND h.origin = ?`,
  putHolding: "INSERT OR REPLACE INTO holding VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  deleteHolding: "DELETE FROM holding WHERE parent = ? AND entry = ? AND origin = ?",
  directoriesIn: `SELECT h.*, e.name, e.kind FROM holding h CROSS JOIN entry e ON e.id = h.entry
         WHERE h.parent = ? AND h.origin = ? AND h.version = 0`,
  originNamed: "SELECT * FROM origin WHERE id = ?",
  listing: "SELECT mark, files, bytes, directories FROM listing WHERE directory = ? AND origin = ?",
  putListing: "INSERT OR REPLACE INTO listing VALUES (?, ?, ?, ?, ?, ?)",
  deleteListing: "DELETE FROM listing WHERE directory = ? AND origin = ?",
  version: "SELECT * FROM version WHERE id = ?",
  insertVersion: "INSERT INTO version VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  updateVersion: `UPDATE version SET size = ?, mtime_sec = ?, mtime_nsec = ?, mode = ?, uid = ?, gid = ?,
         fingerprint = ?, sha256 = ? WHERE id = ?`,
  retire: "INSERT OR IGNORE INTO retired VALUES (?)",
} as const;

/** The writer's statements on one connection. */
export class Tables {
  constructor(readonly connection: Connection) {}

  /** A statement for one caller's own needs. */
  query<Row, Params extends SQLQueryBindings[]>(sql: string): Statement<Row, Params> {
    return this.connection.statement(sql);
  }

  #run(sql: string, ...values: SQLQueryBindings[]): void {
    this.connection.statement<unknown, SQLQueryBindings[]>(sql).run(...values);
  }

  entry(id: number): EntryRow | undefined {
    return this.query<EntryRow, [number]>(WRITER_SQL.entry).get(id) ?? undefined;
  }

  /** The entries of that name: none, one, or a directory and a file. */
  entriesNamed(parent: number, name: ByteName): EntryRow[] {
    return this.query<EntryRow, [number, Uint8Array]>(WRITER_SQL.entriesNamed).all(
      parent,
      toBytes(name),
    );
  }

  directoryNamed(parent: number, name: ByteName): number | undefined {
    return this.query<{ readonly id: number }, [number, Uint8Array]>(WRITER_SQL.directoryNamed).get(
      parent,
      toBytes(name),
    )?.id;
  }

  childNames(parent: number): ByteName[] {
    return this.query<{ readonly name: Uint8Array }, [number]>(WRITER_SQL.childNames)
      .all(parent)
      .map((row) => nameFromBytes(row.name));
  }

  insertEntry(row: Omit<EntryRow, "name" | "changed_sec" | "changed_nsec">, name: ByteName): void {
    this.#run(
      WRITER_SQL.insertEntry,
      row.id,
      row.parent,
      toBytes(name),
      row.kind,
      row.visible,
      row.version,
      row.size,
      row.mtime_sec,
      row.mtime_nsec,
      row.mode,
      row.uid,
      row.gid,
      row.copies,
    );
  }

  /** Writes what is shown of an entry. */
  updateEntry(id: number, row: ShownRow): void {
    this.#run(
      WRITER_SQL.updateEntry,
      row.visible,
      row.version,
      row.size,
      row.mtime_sec,
      row.mtime_nsec,
      row.mode,
      row.uid,
      row.gid,
      row.copies,
      id,
    );
  }

  setChanged(id: number, sec: number, nsec: number): void {
    this.#run(WRITER_SQL.setChanged, sec, nsec, id);
  }

  deleteEntry(id: number): void {
    this.#run(WRITER_SQL.deleteEntry, id);
  }

  /** What all origins hold at an entry. */
  holdings(parent: number, entry: number): HoldingRow[] {
    return this.query<HoldingRow, [number, number]>(WRITER_SQL.holdings).all(parent, entry);
  }

  holding(parent: number, entry: number, origin: number): HoldingRow | undefined {
    return (
      this.query<HoldingRow, [number, number, number]>(WRITER_SQL.holding).get(
        parent,
        entry,
        origin,
      ) ?? undefined
    );
  }

  /** What one origin holds in a directory. */
  holdingsIn(directory: number, origin: number): NamedHoldingRow[] {
    return this.query<NamedHoldingRow, [number, number]>(WRITER_SQL.holdingsIn).all(
      directory,
      origin,
    );
  }

  /** The directories among them. */
  directoriesIn(directory: number, origin: number): NamedHoldingRow[] {
    return this.query<NamedHoldingRow, [number, number]>(WRITER_SQL.directoriesIn).all(
      directory,
      origin,
    );
  }

  originNamed(id: string): OriginRow | undefined {
    return this.query<OriginRow, [string]>(WRITER_SQL.originNamed).get(id) ?? undefined;
  }

  /** The last complete listing, while it is what is held. */
  listing(directory: number, origin: number): ListingRow | undefined {
    return (
      this.query<ListingRow, [number, number]>(WRITER_SQL.listing).get(directory, origin) ??
      undefined
    );
  }

  putListing(directory: number, origin: number, row: ListingRow): void {
    const { mark, files, bytes, directories } = row;
    this.#run(WRITER_SQL.putListing, directory, origin, mark, files, bytes, directories);
  }

  forgetListing(directory: number, origin: number): void {
    this.#run(WRITER_SQL.deleteListing, directory, origin);
  }

  /** Inserts the holding or replaces it. */
  putHolding(row: HoldingRow): void {
    this.#run(
      WRITER_SQL.putHolding,
      row.parent,
      row.entry,
      row.origin,
      row.state,
      row.version,
      row.size,
      row.token,
      row.mtime_sec,
      row.mtime_nsec,
      row.mode,
      row.uid,
      row.gid,
      row.device,
    );
  }

  deleteHolding(row: HoldingRow): void {
    this.#run(WRITER_SQL.deleteHolding, row.parent, row.entry, row.origin);
  }

  version(id: number): VersionRow | undefined {
    return this.query<VersionRow, [number]>(WRITER_SQL.version).get(id) ?? undefined;
  }

  insertVersion(row: VersionRow): void {
    this.#run(
      WRITER_SQL.insertVersion,
      row.id,
      row.entry,
      row.size,
      row.mtime_sec,
      row.mtime_nsec,
      row.mode,
      row.uid,
      row.gid,
      row.fingerprint,
      row.sha256,
    );
  }

  updateVersion(row: VersionRow): void {
    this.#run(
      WRITER_SQL.updateVersion,
      row.size,
      row.mtime_sec,
      row.mtime_nsec,
      row.mode,
      row.uid,
      row.gid,
      row.fingerprint,
      row.sha256,
      row.id,
    );
  }

  /** No holding refers to the version any more: it goes when the catalog is opened next. */
  retire(version: number): void {
    this.#run(WRITER_SQL.retire, version);
  }
}
