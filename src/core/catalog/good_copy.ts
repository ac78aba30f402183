/**
 * The copy of the catalog that replaces a damaged one. It is made with VACUUM INTO, which reads
 * every row of every table and fails on damage, so that a bad catalog never replaces a good copy.
 */

import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import type { Connection } from "./connection.ts";

export function goodCopyOf(file: string): string {
  return `${file}.good`;
}

/** Renews the copy if the catalog changed since the last one. Throws SQLiteError or a system error. */
export function keepGoodCopy(connection: Connection, file: string): void {
  const copy = goodCopyOf(file);
  const changed = connection
    .statement<unknown, []>("SELECT 1 FROM tree WHERE revision <> kept_revision")
    .get();
  if (changed === null && existsSync(copy)) return;
  const unfinished = `${copy}.new`;
  rmSync(unfinished, { force: true });
  connection.statement<unknown, [string]>("VACUUM INTO ?").run(unfinished);
  sync(unfinished);
  renameSync(unfinished, copy);
  connection.run("UPDATE tree SET kept_revision = revision");
}

function sync(file: string): void {
  const fd = openSync(file, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
