/**
 * The copy of the catalog that replaces a damaged one. It is made with VACUUM INTO, which reads
 * every row of every table and fails on damage, so that a bad catalog never replaces a good copy.
 */

import type { Database } from "bun:sqlite";
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";

export function goodCopyOf(file: string): string {
  return `${file}.good`;
}

/** Renews the copy if the catalog changed since the last one. Throws SQLiteError or a system error. */
export function keepGoodCopy(db: Database, file: string): void {
  const copy = goodCopyOf(file);
  const changed = db.query<unknown, []>("SELECT 1 FROM tree WHERE revision <> kept_revision").get();
  if (changed === null && existsSync(copy)) return;
  const unfinished = `${copy}.new`;
  rmSync(unfinished, { force: true });
  db.query<unknown, [string]>("VACUUM INTO ?").run(unfinished);
  sync(unfinished);
  renameSync(unfinished, copy);
  db.run("UPDATE tree SET kept_revision = revision");
}

function sync(file: string): void {
  const fd = openSync(file, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
