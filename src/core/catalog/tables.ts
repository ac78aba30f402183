/** The statements that read and write the catalog's rows. No rules live here. */

import type { Database, SQLQueryBindings, Statement } from "bun:sqlite";
import { type ByteName, nameFromBytes, toBytes } from "../bytes.ts";
import type { EntryRow, HoldingRow, NamedHoldingRow, ShownRow, VersionRow } from "./rows.ts";
import { DIRECTORY } from "./schema.ts";

type Values = SQLQueryBindings[];

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
  version: "SELECT * FROM version WHERE id = ?",
  insertVersion: "INSERT INTO version VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  updateVersion: `UPDATE version SET size = ?, mtime_sec = ?, mtime_nsec = ?, mode = ?, uid = ?, gid = ?,
         fingerprint = ?, sha256 = ? WHERE id = ?`,
  retire: "INSERT OR IGNORE INTO retired VALUES (?)",
} as const;

/** The writer's statements, compiled once per connection. */
export class Tables {
  readonly #db: Database;
  readonly #entry: Statement<EntryRow, [number]>;
  readonly #entriesNamed: Statement<EntryRow, [number, Uint8Array]>;
  readonly #directoryNamed: Statement<{ readonly id: number }, [number, Uint8Array]>;
  readonly #childNames: Statement<{ readonly name: Uint8Array }, [number]>;
  readonly #insertEntry: Statement<unknown, Values>;
  readonly #updateEntry: Statement<unknown, Values>;
  readonly #deleteEntry: Statement<unknown, [number]>;
  readonly #setChanged: Statement<unknown, [number, number, number]>;
  readonly #holdings: Statement<HoldingRow, [number, number]>;
  readonly #holding: Statement<HoldingRow, [number, number, number]>;
  readonly #holdingsIn: Statement<NamedHoldingRow, [number, number]>;
  readonly #putHolding: Statement<unknown, Values>;
  readonly #deleteHolding: Statement<unknown, [number, number, number]>;
  readonly #version: Statement<VersionRow, [number]>;
  readonly #insertVersion: Statement<unknown, Values>;
  readonly #updateVersion: Statement<unknown, Values>;
  readonly #retire: Statement<unknown, [number]>;

  constructor(db: Database) {
    this.#db = db;
    this.#entry = db.prepare(WRITER_SQL.entry);
    this.#entriesNamed = db.prepare(WRITER_SQL.entriesNamed);
    this.#directoryNamed = db.prepare(WRITER_SQL.directoryNamed);
    this.#childNames = db.prepare(WRITER_SQL.childNames);
    this.#insertEntry = db.prepare(WRITER_SQL.insertEntry);
    this.#updateEntry = db.prepare(WRITER_SQL.updateEntry);
    this.#deleteEntry = db.prepare(WRITER_SQL.deleteEntry);
    this.#setChanged = db.prepare(WRITER_SQL.setChanged);
    this.#holdings = db.prepare(WRITER_SQL.holdings);
    this.#holding = db.prepare(WRITER_SQL.holding);
    this.#holdingsIn = db.prepare(WRITER_SQL.holdingsIn);
    this.#putHolding = db.prepare(WRITER_SQL.putHolding);
    this.#deleteHolding = db.prepare(WRITER_SQL.deleteHolding);
    this.#version = db.prepare(WRITER_SQL.version);
    this.#insertVersion = db.prepare(WRITER_SQL.insertVersion);
    this.#updateVersion = db.prepare(WRITER_SQL.updateVersion);
    this.#retire = db.prepare(WRITER_SQL.retire);
  }

  /** A statement for one caller's own needs; compiled once per text. */
  query<Row, Params extends SQLQueryBindings[]>(sql: string) {
    return this.#db.query<Row, Params>(sql);
  }

  entry(id: number): EntryRow | undefined {
    return this.#entry.get(id) ?? undefined;
  }

  /** The entries of that name: none, one, or a directory and a file. */
  entriesNamed(parent: number, name: ByteName): EntryRow[] {
    return this.#entriesNamed.all(parent, toBytes(name));
  }

  directoryNamed(parent: number, name: ByteName): number | undefined {
    return this.#directoryNamed.get(parent, toBytes(name))?.id;
  }

  childNames(parent: number): ByteName[] {
    return this.#childNames.all(parent).map((row) => nameFromBytes(row.name));
  }

  insertEntry(row: Omit<EntryRow, "name" | "changed_sec" | "changed_nsec">, name: ByteName): void {
    this.#insertEntry.run(
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
    this.#updateEntry.run(
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
    this.#setChanged.run(sec, nsec, id);
  }

  deleteEntry(id: number): void {
    this.#deleteEntry.run(id);
  }

  /** What all origins hold at an entry. */
  holdings(parent: number, entry: number): HoldingRow[] {
    return this.#holdings.all(parent, entry);
  }

  holding(parent: number, entry: number, origin: number): HoldingRow | undefined {
    return this.#holding.get(parent, entry, origin) ?? undefined;
  }

  /** What one origin holds in a directory. */
  holdingsIn(directory: number, origin: number): NamedHoldingRow[] {
    return this.#holdingsIn.all(directory, origin);
  }

  /** Inserts the holding or replaces it. */
  putHolding(row: HoldingRow): void {
    this.#putHolding.run(
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
    this.#deleteHolding.run(row.parent, row.entry, row.origin);
  }

  version(id: number): VersionRow | undefined {
    return this.#version.get(id) ?? undefined;
  }

  insertVersion(row: VersionRow): void {
    this.#insertVersion.run(
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
    this.#updateVersion.run(
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
    this.#retire.run(version);
  }
}
