/**
 * Opening the catalog so that nothing that happened to its file is fatal. Only what can be told in
 * a few reads is looked at, so that opening takes no longer for a large library; damage that is met
 * later is noted beside the file and acted on by the next opening.
 */

import { SQLiteError } from "bun:sqlite";
import { randomUUID } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../clock.ts";
import { messageOf, OwnError } from "../errors.ts";
import { type BeforeStatement, Connection } from "./connection.ts";
import { goodCopyOf } from "./good_copy.ts";
import { ProcessLock } from "./process_lock.ts";
import { APPLICATION_ID, createTables, SCHEMA_VERSION } from "./schema.ts";

export interface OpenedCatalog {
  readonly connection: Connection;
  /** This process is the one that may repair and clean up. */
  readonly isOwner: boolean;
  readonly lock: Disposable | undefined;
  /** What was set aside and what took its place, for people. */
  readonly notice: string | undefined;
}

/** Catalogs set aside that are kept; older ones go. */
const MAX_ASIDE = 3;

/** Ids of a replaced catalog start at the time in seconds times this: above all that were used. */
const IDS_PER_SECOND = 2 ** 20;

/** Opens the catalog's file, which is made if there is none. */
type Connect = () => Connection;

/** Tables that a catalog has. */
const TABLE_NAMES = [
  ...["tree", "origin", "entry", "holding", "listing"],
  ...["version", "content", "retired", "served"],
];

type Condition = "usable" | "empty" | { readonly unusable: string };

/** Throws OwnError `catalog` when neither the catalog nor a replacement can be opened. */
export function openCatalog(file: string, clock: Clock, before?: BeforeStatement): OpenedCatalog {
  const connect = () => Connection.forWriting(file, before);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const lock = ProcessLock.tryAcquire(`${file}.lock`);
    try {
      if (lock === undefined) return openShared(file, connect);
      const { connection, notice } = openOwned(file, clock, connect);
      return { connection, isOwner: true, lock, notice };
    } catch (error) {
      lock?.[Symbol.dispose]();
      throw error;
    }
  } catch (error) {
    if (error instanceof OwnError) throw error;
    throw new OwnError("catalog", `cannot open the catalog ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** True for errors that say the file's contents are bad, not the disk or its permissions. */
export function isDamage(error: unknown): boolean {
  const code = error instanceof SQLiteError ? (error.code ?? "") : "";
  return code.startsWith("SQLITE_CORRUPT") || code.startsWith("SQLITE_NOTADB");
}

/** Remembers damage for the next opening; other errors are left alone. */
export function noteDamage(file: string, error: unknown): void {
  if (!isDamage(error)) return;
  try {
    writeFileSync(damageNoteOf(file), messageOf(error));
  } catch (unwritable) {
    // The damage itself is what the caller reports; the next opening may still find it.
    void unwritable;
  }
}

function damageNoteOf(file: string): string {
  return `${file}.damaged`;
}

/** Another process owns the catalog: nothing is repaired under its feet. */
function openShared(file: string, connect: Connect): OpenedCatalog {
  const connection = connect();
  const condition = examine(connection);
  if (condition === "usable")
    return { connection, isOwner: false, lock: undefined, notice: undefined };
  connection.close();
  const reason = condition === "empty" ? "it is not set up yet" : condition.unusable;
  throw new OwnError("catalog", `cannot use the catalog ${file} of a running process: ${reason}`);
}

function openOwned(
  file: string,
  clock: Clock,
  connect: Connect,
): { connection: Connection; notice: string | undefined } {
  if (existsSync(damageNoteOf(file))) return replace(file, clock, connect, "it was found damaged");
  let connection: Connection | undefined;
  try {
    connection = connect();
    const condition = examine(connection);
    if (condition === "usable") return { connection, notice: undefined };
    if (condition === "empty" && !hasPredecessor(file)) {
      createTables(connection, randomUUID(), 2);
      return { connection, notice: undefined };
    }
    connection.close();
    const reason = condition === "empty" ? "it is empty" : condition.unusable;
    return replace(file, clock, connect, reason);
  } catch (error) {
    connection?.close();
    if (!isDamage(error)) throw error;
    return replace(file, clock, connect, messageOf(error));
  }
}

/** What kind of database this is. Throws SQLiteError, where it cannot be read. */
function examine(connection: Connection): Condition {
  const application = pragma(connection, "application_id");
  const version = pragma(connection, "user_version");
  const tables = connection.statement<unknown, []>("SELECT 1 FROM sqlite_schema LIMIT 1").get();
  if (application === 0 && version === 0 && tables === null) return "empty";
  if (application !== APPLICATION_ID) return { unusable: "it is not a catalog of MusicFS" };
  if (version > SCHEMA_VERSION) {
    return { unusable: `it is of version ${version}, newer than this program's ${SCHEMA_VERSION}` };
  }
  if (version < SCHEMA_VERSION) return { unusable: `it is of the unknown version ${version}` };
  try {
    if (connection.statement("SELECT * FROM tree WHERE only = 1").get() === null) {
      return { unusable: "it has lost its first row" };
    }
    for (const table of TABLE_NAMES) {
      connection.statement(`SELECT * FROM ${table} LIMIT 1`).get();
    }
  } catch (error) {
    if (isDamage(error) || !(error instanceof SQLiteError)) throw error;
    // A table that is missing or of another shape.
    if (error.code === "SQLITE_ERROR") return { unusable: error.message };
    throw error;
  }
  return "usable";
}

function pragma(connection: Connection, name: "application_id" | "user_version"): number {
  return connection.statement<Record<string, number>, []>(`PRAGMA ${name}`).get()?.[name] ?? 0;
}

/** Sets the file aside and puts the good copy, or an empty catalog, in its place. */
function replace(
  file: string,
  clock: Clock,
  connect: Connect,
  reason: string,
): { connection: Connection; notice: string | undefined } {
  const aside = setAside(file, clock);
  const firstId = Math.floor(clock.wallMs() / 1000) * IDS_PER_SECOND;
  const restored = restoreCopy(file, firstId, connect);
  const connection = restored?.connection ?? connect();
  if (restored === undefined) createTables(connection, randomUUID(), firstId);
  rmSync(damageNoteOf(file), { force: true });
  const successor =
    restored === undefined
      ? "An empty one takes its place and fills as the origins are scanned."
      : `The copy of ${restored.date} takes its place.`;
  const kept = aside === undefined ? "" : ` It was set aside as ${aside}.`;
  return {
    connection,
    notice: `The catalog ${file} cannot be used: ${reason}.${kept} ${successor}`,
  };
}

function setAside(file: string, clock: Clock): string | undefined {
  const stamp = new Date(clock.wallMs()).toISOString().replaceAll(/[-:.]/g, "");
  let target: string | undefined;
  if (existsSync(file) && statSync(file).size > 0) {
    target = `${asidePrefix(file)}${stamp}`;
    for (let n = 2; existsSync(target); n++) target = `${asidePrefix(file)}${stamp}-${n}`;
    renameSync(file, target);
  } else rmSync(file, { force: true });
  if (target !== undefined && existsSync(`${file}-wal`)) renameSync(`${file}-wal`, `${target}-wal`);
  rmSync(`${file}-wal`, { force: true });
  rmSync(`${file}-shm`, { force: true });
  const older = asideFiles(file).filter((path) => !path.endsWith("-wal"));
  for (const path of older.slice(0, Math.max(0, older.length - MAX_ASIDE))) {
    rmSync(path, { force: true });
    rmSync(`${path}-wal`, { force: true });
  }
  return target;
}

function asidePrefix(file: string): string {
  return `${file}.aside-`;
}

/** Oldest first. */
function asideFiles(file: string): string[] {
  const directory = dirname(file);
  const prefix = basename(asidePrefix(file));
  const names = readdirSync(directory).filter((name) => name.startsWith(prefix));
  return names.sort().map((name) => join(directory, name));
}

/** There was a catalog before: ids of its time must not be used again. */
function hasPredecessor(file: string): boolean {
  return existsSync(goodCopyOf(file)) || asideFiles(file).length > 0;
}

function restoreCopy(
  file: string,
  firstId: number,
  connect: Connect,
): { connection: Connection; date: string } | undefined {
  const copy = goodCopyOf(file);
  if (!existsSync(copy)) return undefined;
  const date = statSync(copy).mtime.toISOString();
  const unfinished = `${file}.restored`;
  copyFileSync(copy, unfinished);
  renameSync(unfinished, file);
  let connection: Connection | undefined;
  try {
    connection = connect();
    if (examine(connection) === "usable") {
      connection
        .statement<unknown, [number, number]>(
          "UPDATE tree SET next_entry = max(next_entry, ?), next_version = max(next_version, ?)",
        )
        .run(firstId, firstId);
      return { connection, date };
    }
  } catch (error) {
    if (!isDamage(error)) {
      connection?.close();
      throw error;
    }
  }
  // The copy is of no more use than what it was to replace.
  connection?.close();
  for (const path of [file, `${file}-wal`, `${file}-shm`, copy]) rmSync(path, { force: true });
  return undefined;
}
