/** Connections to the catalog's file. */

import { Database, type SQLQueryBindings, type Statement } from "bun:sqlite";

/** How long a writer waits for another process that writes, in milliseconds. */
const BUSY_TIMEOUT_MS = 5000;
/** Readers wait for nothing but the recovery of the log after a crash. */
const READER_BUSY_TIMEOUT_MS = 1000;
/** The log is truncated to this after a checkpoint that emptied it. */
const WAL_LIMIT_BYTES = 16 * 1024 * 1024;
const WRITER_CACHE_KIB = 16 * 1024;

/**
 * Told of every run of a statement, before it, with its text. What it throws, the caller gets, and
 * the statement is not run: so tests count statements and make the n-th of them fail.
 */
export type BeforeStatement = (sql: string) => void;

/** The ways of a statement to run. */
const RUNS: ReadonlySet<unknown> = new Set(["get", "all", "run", "iterate", "values"]);

/**
 * One connection and its compiled statements. Closing finalizes them: one that is left keeps the
 * file and its locks open.
 */
export class Connection {
  readonly #db: Database;
  readonly #statements = new Map<string, Statement<unknown, SQLQueryBindings[]>>();

  /** Opens the file, which is made if there is none, for writing. Throws SQLiteError. */
  static forWriting(file: string, before?: BeforeStatement): Connection {
    const settings = [
      `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`,
      "PRAGMA journal_mode = WAL",
      "PRAGMA synchronous = NORMAL",
      `PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES}`,
      `PRAGMA cache_size = -${WRITER_CACHE_KIB}`,
      "PRAGMA temp_store = MEMORY",
    ];
    const db = new Database(file, { readwrite: true, create: true, strict: true });
    return new Connection(db, settings, before);
  }

  /** Opens an existing catalog for reading, with `cacheKib` KiB of page cache. Throws SQLiteError. */
  static forReading(file: string, cacheKib: number, before?: BeforeStatement): Connection {
    const settings = [
      `PRAGMA busy_timeout = ${READER_BUSY_TIMEOUT_MS}`,
      `PRAGMA cache_size = -${Math.max(256, Math.floor(cacheKib))}`,
      "PRAGMA query_only = 1",
    ];
    return new Connection(new Database(file, { readonly: true, strict: true }), settings, before);
  }

  private constructor(
    db: Database,
    settings: readonly string[],
    readonly before: BeforeStatement | undefined,
  ) {
    this.#db = db;
    try {
      for (const setting of settings) this.run(setting);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** The compiled statement of that text, compiled once. */
  statement<Row, Params extends SQLQueryBindings[]>(sql: string): Statement<Row, Params> {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = announced(this.#db.prepare<unknown, SQLQueryBindings[]>(sql), sql, this.before);
      this.#statements.set(sql, statement);
    }
    return statement as unknown as Statement<Row, Params>;
  }

  /** Runs statements that are not worth keeping compiled. */
  run(sql: string): void {
    this.before?.(sql);
    this.#db.run(sql);
  }

  /** Runs `work` in a writing transaction, which is rolled back if `work` throws. */
  transact<T>(work: () => T): T {
    this.statement<unknown, []>("BEGIN IMMEDIATE").run();
    try {
      const result = work();
      this.statement<unknown, []>("COMMIT").run();
      return result;
    } catch (error) {
      if (this.#db.inTransaction) this.#db.run("ROLLBACK");
      throw error;
    }
  }

  /** Idempotent. */
  close(): void {
    for (const statement of this.#statements.values()) statement.finalize();
    this.#statements.clear();
    this.#db.close();
  }
}

/** The statement itself when nobody wants to know of its runs. */
function announced<S extends object>(statement: S, sql: string, before?: BeforeStatement): S {
  if (before === undefined) return statement;
  return new Proxy(statement, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...values: unknown[]) => {
        if (RUNS.has(name)) before(sql);
        return value.apply(target, values);
      };
    },
  });
}
