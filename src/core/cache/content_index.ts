/** The store's own view of the index: every write, each inside a transaction of the caller. */

import type { SQLQueryBindings } from "bun:sqlite";
import { type BytePath, pathFromBytes, toBytes } from "../bytes.ts";
import type { Connection } from "../catalog/connection.ts";
import { ABSENT, type BlockSums } from "./checksum.ts";
import {
  type ContentRow,
  contentById,
  type FoundContent,
  findContent,
  loadSums,
  nameBytes,
  sumsToBytes,
} from "./content_lookup.ts";
import type { ContentName } from "./content_name.ts";

export interface IndexTotals {
  readonly contents: number;
  readonly bytes: number;
}

export class ContentIndex {
  constructor(readonly connection: Connection) {}

  transact<T>(work: () => T): T {
    return this.connection.transact(work);
  }

  find(names: readonly ContentName[], sizeBytes: number): FoundContent | undefined {
    return findContent(this.connection, names, sizeBytes);
  }

  content(id: number): ContentRow | undefined {
    return contentById(this.connection, id);
  }

  sums(content: number): BlockSums {
    return loadSums(this.connection, content);
  }

  /** Ids ascending after `afterId`, at most `limit`. */
  contents(afterId: number, limit: number): readonly ContentRow[] {
    return this.#all<ContentRow>(
      "SELECT * FROM content WHERE id > ? ORDER BY id LIMIT ?",
      afterId,
      limit,
    );
  }

  /** The least recently read first; those of one turn in the order of their ids. */
  byUse(limit: number, afterUsed: number, afterId: number): readonly ContentRow[] {
    return this.#all<ContentRow>(
      "SELECT * FROM content WHERE (used, id) > (?, ?) ORDER BY used, id LIMIT ?",
      afterUsed,
      afterId,
      limit,
    );
  }

  totals(): IndexTotals {
    const row = this.connection
      .statement<IndexTotals, []>(
        "SELECT count(*) AS contents, coalesce(sum(bytes), 0) AS bytes FROM content",
      )
      .get();
    return row ?? { contents: 0, bytes: 0 };
  }

  /** The next content's id, never used before. */
  nextContent(): number {
    const row = this.connection
      .statement<{ readonly next: number }, []>("SELECT next_content AS next FROM store")
      .get();
    return row?.next ?? 1;
  }

  /** A new content, which takes its path from others that have it. */
  create(id: number, sizeBytes: number, path: BytePath): void {
    this.#run("UPDATE store SET next_content = max(next_content, ?)", id + 1);
    this.#run("INSERT INTO content VALUES (?, ?, 0, 0, x'', 0)", id, sizeBytes);
    this.setPath(id, path);
  }

  setPath(id: number, path: BytePath): void {
    const bytes = toBytes(path);
    this.#run("UPDATE content SET superseded = 1 WHERE path = ? AND id <> ?", bytes, id);
    this.#run("UPDATE content SET path = ?, superseded = 0 WHERE id = ?", bytes, id);
  }

  /** The names lead to this content from now on. */
  addNames(id: number, names: readonly ContentName[]): void {
    for (const name of names) {
      this.#run("INSERT OR REPLACE INTO name VALUES (?, ?)", nameBytes(name), id);
    }
  }

  /** How many names lead to the content. */
  nameCount(id: number): number {
    const row = this.connection
      .statement<{ readonly names: number }, [number]>(
        "SELECT count(*) AS names FROM name WHERE content = ?",
      )
      .get(id);
    return row?.names ?? 0;
  }

  /** Stores one group of the checksums; a group without blocks leaves the index. */
  putSums(id: number, number: number, sums: BigUint64Array): void {
    if (sums.every((sum) => sum === ABSENT)) {
      this.#run("DELETE FROM sums WHERE content = ? AND number = ?", id, number);
    } else {
      this.#run("INSERT OR REPLACE INTO sums VALUES (?, ?, ?)", id, number, sumsToBytes(sums));
    }
  }

  addBytes(id: number, deltaBytes: number): void {
    this.#run("UPDATE content SET bytes = bytes + ? WHERE id = ?", deltaBytes, id);
  }

  /** The contents were read in a turn of their own, later than all before. */
  touch(ids: Iterable<number>): void {
    this.#run("UPDATE store SET turn = turn + 1");
    for (const id of ids) {
      this.#run("UPDATE content SET used = (SELECT turn FROM store) WHERE id = ?", id);
    }
  }

  remove(id: number): void {
    this.#run("DELETE FROM content WHERE id = ?", id);
    this.#run("DELETE FROM name WHERE content = ?", id);
    this.#run("DELETE FROM sums WHERE content = ?", id);
  }

  pins(): readonly BytePath[] {
    return this.#all<{ readonly path: Uint8Array }>("SELECT path FROM pin ORDER BY path").map(
      ({ path }) => pathFromBytes(path),
    );
  }

  addPin(path: BytePath): void {
    this.#run("INSERT OR IGNORE INTO pin VALUES (?)", toBytes(path));
  }

  removePin(path: BytePath): void {
    this.#run("DELETE FROM pin WHERE path = ?", toBytes(path));
  }

  #all<Row>(sql: string, ...params: SQLQueryBindings[]): readonly Row[] {
    return this.connection.statement<Row, SQLQueryBindings[]>(sql).all(...params);
  }

  #run(sql: string, ...params: SQLQueryBindings[]): void {
    this.connection.statement<unknown, SQLQueryBindings[]>(sql).run(...params);
  }
}
