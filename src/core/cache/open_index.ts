/**
 * Opening the cache's directory so that nothing that happened to it is fatal. An index that is
 * damaged or not ours gives way to an empty one; a whole cache of a newer version is set aside.
 */

import { SQLiteError } from "bun:sqlite";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type BeforeStatement, Connection } from "../catalog/connection.ts";
import { isDamage } from "../catalog/recovery.ts";
import { messageOf } from "../errors.ts";
import { createIndex, INDEX_APPLICATION_ID, INDEX_VERSION } from "./index_schema.ts";

export interface OpenedIndex {
  readonly connection: Connection;
  /** Names the directory with the data files. */
  readonly generation: string;
  /** What was set aside or begun anew, and why, for people. */
  readonly notice: string | undefined;
}

/** Where the contents of files are kept, inside the cache directory. */
export function contentDirectory(cacheDir: string): string {
  return join(cacheDir, "content");
}

export function indexFile(directory: string): string {
  return join(directory, "index.db");
}

/** A cache of a newer version that was set aside; one is kept. */
export function asideDirectory(directory: string): string {
  return `${directory}.aside`;
}

/**
 * Opens the index in `directory` (see {@link contentDirectory}), which is made if needed. Throws
 * what the disk or SQLite throws when there is none to be had for now.
 */
export function openIndex(directory: string, before?: BeforeStatement): OpenedIndex {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = indexFile(directory);
  let notice: string;
  try {
    const connection = Connection.forWriting(file, before);
    try {
      const condition = examine(connection);
      if (condition === "empty") createIndex(connection, newGeneration());
      if (condition === "empty" || condition === "usable") {
        return { connection, generation: generationOf(connection), notice: undefined };
      }
      connection.close();
      notice =
        condition === "newer" ? setAside(directory) : `The index of the cache was ${condition}.`;
    } catch (error) {
      connection.close();
      throw error;
    }
  } catch (error) {
    if (!isDamage(error)) throw error;
    notice = `The index of the cache is damaged (${messageOf(error)}).`;
  }
  removeIndex(directory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const connection = Connection.forWriting(file, before);
  try {
    createIndex(connection, newGeneration());
  } catch (error) {
    connection.close();
    throw error;
  }
  notice += " The cache begins anew and fills as files are read.";
  return { connection, generation: generationOf(connection), notice };
}

/** Removes the index with its log; data files that it knew of are removed by the next sweep. */
export function removeIndex(directory: string): void {
  for (const suffix of ["", "-wal", "-shm"]) {
    rmSync(`${indexFile(directory)}${suffix}`, { force: true });
  }
}

/** Directories with data files of other generations than this one: of indexes that were lost. */
export function otherGenerations(directory: string, generation: string): readonly string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith("data-") && name !== `data-${generation}`)
    .map((name) => join(directory, name));
}

type Condition = "usable" | "empty" | "newer" | "of another program" | "incomplete";

function examine(connection: Connection): Condition {
  const application = pragma(connection, "application_id");
  const version = pragma(connection, "user_version");
  const tables = connection.statement<unknown, []>("SELECT 1 FROM sqlite_schema LIMIT 1").get();
  if (application === 0 && version === 0 && tables === null) return "empty";
  if (application !== INDEX_APPLICATION_ID) return "of another program";
  if (version > INDEX_VERSION) return "newer";
  if (version < INDEX_VERSION) return "incomplete";
  try {
    for (const table of ["store", "content", "name", "sums", "pin"]) {
      const row = connection.statement(`SELECT * FROM ${table} LIMIT 1`).get();
      if (table === "store" && row === null) return "incomplete";
    }
  } catch (error) {
    if (isDamage(error) || !(error instanceof SQLiteError)) throw error;
    if (error.code === "SQLITE_ERROR") return "incomplete";
    throw error;
  }
  return "usable";
}

function pragma(connection: Connection, name: "application_id" | "user_version"): number {
  return connection.statement<Record<string, number>, []>(`PRAGMA ${name}`).get()?.[name] ?? 0;
}

function generationOf(connection: Connection): string {
  const row = connection
    .statement<{ readonly generation: string }, []>("SELECT generation FROM store")
    .get();
  return row?.generation ?? "";
}

function newGeneration(): string {
  return randomUUID().slice(0, 8);
}

function setAside(directory: string): string {
  const aside = asideDirectory(directory);
  const hadOne = existsSync(aside);
  rmSync(aside, { recursive: true, force: true });
  renameSync(directory, aside);
  const former = hadOne ? ", in place of one that was there" : "";
  return `The cache is of a newer version of MusicFS; it was set aside as ${aside}${former}, and can be deleted.`;
}
