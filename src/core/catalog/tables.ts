/** Rows of the catalog and the statements that read and write them. No rules live here. */

import type { Database, SQLQueryBindings, Statement } from "bun:sqlite";
import { type ByteName, nameFromBytes, toBytes } from "../bytes.ts";
import { DIRECTORY } from "./schema.ts";

/** Attributes as every table that has them names them. */
export interface AttributeRow {
  readonly size: number;
  readonly mtime_sec: number;
  readonly mtime_nsec: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface EntryRow extends AttributeRow {
  readonly id: number;
  readonly parent: number;
  readonly name: Uint8Array;
  readonly kind: number;
  readonly visible: number;
  readonly version: number;
  readonly copies: number;
  readonly changed_sec: number;
  readonly changed_nsec: number;
}

export interface HoldingRow extends AttributeRow {
  readonly parent: number;
  readonly entry: number;
  readonly origin: number;
  readonly state: number;
  readonly version: number;
  readonly token: string;
  readonly device: number | null;
}

/** A holding with the name and kind of its entry, as a listing is compared with it. */
export interface NamedHoldingRow extends HoldingRow {
  readonly name: Uint8Array;
  readonly kind: number;
}

export interface VersionRow extends AttributeRow {
  readonly id: number;
  readonly entry: number;
  readonly fingerprint: string | null;
  readonly sha256: string | null;
}

export interface TreeRow {
  readonly generation: string;
  readonly next_entry: number;
  readonly next_version: number;
  readonly revision: number;
  readonly kept_revision: number;
}

export interface OriginRow {
  readonly num: number;
  readonly id: string;
  readonly rank: number;
  readonly priority: number;
  readonly enabled: number;
  readonly prefix: Uint8Array;
  readonly files: number;
  readonly held: number;
  readonly last_complete_ms: number;
}

type Values = SQLQueryBindings[];

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
    this.#entry = db.prepare("SELECT * FROM entry WHERE id = ?");
    this.#entriesNamed = db.prepare("SELECT * FROM entry WHERE parent = ? AND name = ?");
    this.#directoryNamed = db.prepare(
      `SELECT id FROM entry WHERE parent = ? AND name = ? AND kind = ${DIRECTORY}`,
    );
    this.#childNames = db.prepare("SELECT DISTINCT name FROM entry WHERE parent = ?");
    this.#insertEntry = db.prepare(
      "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
    );
    this.#updateEntry = db.prepare(
      `UPDATE entry SET visible = ?, version = ?, size = ?, mtime_sec = ?, mtime_nsec = ?,
         mode = ?, uid = ?, gid = ?, copies = ? WHERE id = ?`,
    );
    this.#deleteEntry = db.prepare("DELETE FROM entry WHERE id = ?");
    this.#setChanged = db.prepare(
      "UPDATE entry SET changed_sec = ?, changed_nsec = ? WHERE id = ?",
    );
    this.#holdings = db.prepare("SELECT * FROM holding WHERE parent = ? AND entry = ?");
    this.#holding = db.prepare(
      "SELECT * FROM holding WHERE parent = ? AND entry = ? AND origin = ?",
    );
    this.#holdingsIn = db.prepare(
      `SELECT h.*, e.name, e.kind FROM holding h CROSS JOIN entry e ON e.id = h.entry
         WHERE h.parent = ? AND h.origin = ?`,
    );
    this.#putHolding = db.prepare(
      "INSERT OR REPLACE INTO holding VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    this.#deleteHolding = db.prepare(
      "DELETE FROM holding WHERE parent = ? AND entry = ? AND origin = ?",
    );
    this.#version = db.prepare("SELECT * FROM version WHERE id = ?");
    this.#insertVersion = db.prepare("INSERT INTO version VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    this.#updateVersion = db.prepare(
      `UPDATE version SET size = ?, mtime_sec = ?, mtime_nsec = ?, mode = ?, uid = ?, gid = ?,
         fingerprint = ?, sha256 = ? WHERE id = ?`,
    );
    this.#retire = db.prepare("INSERT OR IGNORE INTO retired VALUES (?)");
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

/** What the kernel sees of an entry. */
export type ShownRow = AttributeRow & Pick<EntryRow, "visible" | "version" | "copies">;

export function sameAttributes(a: AttributeRow, b: AttributeRow): boolean {
  return (
    a.size === b.size &&
    a.mtime_sec === b.mtime_sec &&
    a.mtime_nsec === b.mtime_nsec &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid
  );
}
