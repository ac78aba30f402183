/** A catalog whose n-th statement fails as SQLite's own do. */

import type { BeforeStatement } from "../../src/core/catalog/connection.ts";
import type { Strikes } from "./strikes.ts";

/** https://sqlite.org/rescode.html; `name` is the code. */
export interface SqliteFault {
  readonly name: string;
  readonly errno: number;
  readonly message: string;
}

export const SQLITE_FAULTS: readonly SqliteFault[] = [
  { name: "SQLITE_BUSY", errno: 5, message: "database is locked" },
  { name: "SQLITE_FULL", errno: 13, message: "database or disk is full" },
  { name: "SQLITE_IOERR_WRITE", errno: 778, message: "disk I/O error" },
  { name: "SQLITE_CORRUPT", errno: 11, message: "database disk image is malformed" },
];

/** For the catalog's connections; Bun knows SQLite's errors by their name. */
export function failingStatements(fault: SqliteFault, strikes: Strikes): BeforeStatement {
  const { name: code, errno, message } = fault;
  return (sql) => {
    if (!strikes.next(sql)) return;
    throw Object.assign(new Error(message), { name: "SQLiteError", code, errno, byteOffset: -1 });
  };
}
