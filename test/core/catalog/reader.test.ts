import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { nameFromBytes } from "../../../src/core/bytes.ts";
import { ACCEPT_UNMOUNTED_SQL } from "../../../src/core/catalog/absence.ts";
import { type KnownFile, ROOT_ENTRY } from "../../../src/core/catalog/catalog.ts";
import { readerCacheKib, SqliteCatalogReader } from "../../../src/core/catalog/reader.ts";
import { READER_SQL } from "../../../src/core/catalog/reader_sql.ts";
import { WRITER_SQL } from "../../../src/core/catalog/tables.ts";
import { A, B, C, directory, emptyNode, file, origin, path, TestCatalog } from "./fixture.ts";

/** Steps of the plan that read more than they must. */
function wasteful(db: Database, sql: string): string[] {
  const holes = sql.split("?").length - 1;
  return db
    .query<{ readonly detail: string }, null[]>(`EXPLAIN QUERY PLAN ${sql}`)
    .all(...Array.from({ length: holes }, () => null))
    .map(({ detail }) => detail)
    .filter((detail) => /^SCAN (?!CONSTANT)|TEMP B-TREE|AUTOMATIC/.test(detail));
}

describe("SqliteCatalogReader", () => {
  test("and the writer never scan a table or sort", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    using db = new Database(catalog.file, { readonly: true });
    for (const [name, sql] of Object.entries({
      ...READER_SQL,
      ...WRITER_SQL,
      ACCEPT_UNMOUNTED_SQL,
    })) {
      // `min`, `DISTINCT` and the like may use the order of an index; a scan never may.
      expect([name, wasteful(db, sql)]).toEqual([name, []]);
    }
  });

  test("lists from any entry on, and stops when told", async () => {
    await using catalog = new TestCatalog();
    const { reader } = catalog;
    await catalog.store.configureOrigins([origin(A, 1)]);
    const names = Array.from({ length: 500 }, (_, i) => `n${i}`);
    await catalog.list(
      A,
      "",
      names.map((name) => file(name, 1)),
    );
    const node = emptyNode();
    const seen: string[] = [];
    const cookies: number[] = [];
    for (let after = 0, more = true; more; ) {
      more = false;
      let taken = 0;
      reader.list(1, after, node, (name) => {
        if (taken === 7) {
          more = true;
          return false;
        }
        taken++;
        after = node.entry;
        seen.push(nameFromBytes(name));
        cookies.push(node.entry);
        return true;
      });
    }
    expect(seen).toEqual(names);
    expect(cookies).toEqual(cookies.toSorted((a, b) => a - b));
  });

  test("tells of a version's file what opening it needs, also without a replica", async () => {
    await using catalog = new TestCatalog();
    const { reader, store } = catalog;
    await store.configureOrigins([origin(A, 1), origin(B, 2, { prefix: "album" })]);
    await catalog.list(A, "", [directory("album")]);
    await catalog.list(A, "album", [file("track", 5)]);
    await catalog.list(B, "", [file("track", 5)]);
    const { version = 0, entry, parent } = catalog.node("album/track") ?? {};
    const known = reader.knownFile(version);
    expect(known).toEqual({
      ...{ version, entry, parent, sizeBytes: 5, replicas: reader.replicas(version) },
    } as KnownFile);
    expect(known?.replicas.map(({ origin: id, path: at }) => `${id}:${at}`)).toEqual([
      "a:album/track",
      "b:track",
    ]);
    await store.configureOrigins([origin(A, 1, { enabled: false })]);
    expect(reader.knownFile(version)).toMatchObject({ version, sizeBytes: 5, replicas: [] });
    expect(reader.knownFile(version + 100)).toBeUndefined();
  });

  test("tells of the visible files after an entry, with all replicas of each", async () => {
    await using catalog = new TestCatalog();
    const { reader, store } = catalog;
    await store.configureOrigins([origin(A, 1), origin(B, 2), origin(C, 3)]);
    await catalog.list(A, "", [
      file("one", 1),
      directory("two"),
      file("three", 3),
      file("four", 4),
    ]);
    await catalog.list(B, "", [file("three", 3), file("four", 44), file("five", 5)]);
    await catalog.list(C, "", [file("three", 3), file("two", 2)]);
    const files = (after: number, limit: number) => reader.filesAfter(ROOT_ENTRY, after, limit);
    const all = files(0, 10);
    const node = (name: string) => catalog.node(name) ?? emptyNode();
    expect(all.map(({ entry }) => entry)).toEqual(
      ["one", "three", "four", "five"].map((name) => node(name).entry),
    );
    for (const known of all) expect(known).toEqual(reader.knownFile(known.version) as KnownFile);
    expect(all.map(({ replicas }) => replicas.length)).toEqual([1, 3, 2, 1]);
    expect(files(node("one").entry, 2)).toEqual(all.slice(1, 3));
    expect(files(node("five").entry, 2)).toEqual([]);
    await store.configureOrigins([origin(A, 1), origin(B, 2, { enabled: false }), origin(C, 3)]);
    expect(files(0, 10).map(({ replicas }) => replicas.length)).toEqual([1, 2, 1]);
  });

  test("goes on after an entry that was removed meanwhile, without losing others", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    const entries = ["a", "b", "c", "d", "e"].map((name) => file(name, 1));
    await catalog.list(A, "", entries);
    const cookie = catalog.node("b")?.entry ?? 0;
    await catalog.list(A, "", [...entries.filter(({ name }) => name !== "b"), file("f", 1)]);
    const rest: string[] = [];
    catalog.reader.list(1, cookie, emptyNode(), (name) => {
      rest.push(nameFromBytes(name));
      return true;
    });
    expect(rest).toEqual(["c", "d", "e", "f"]);
  });

  test("leaves the connection usable when a visitor throws", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    await catalog.list(A, "", [file("a", 1), file("b", 1)]);
    const bug = new Error("a bug of the caller");
    const listing = () =>
      catalog.reader.list(1, 0, emptyNode(), () => {
        throw bug;
      });
    expect(listing).toThrow(bug);
    expect(catalog.tree()).toEqual(["a=1", "b=1"]);
  });

  test("sees what is committed at once and holds no checkpoint back", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1), origin(B, 2)]);
    for (let round = 0; round < 60; round++) {
      const entries = Array.from({ length: 200 }, (_, i) => file(`n${i}`, round + 1));
      await catalog.list(A, "", entries);
      expect(catalog.node("n7")?.sizeBytes).toBe(round + 1);
      catalog.tree();
    }
    // Each round writes about 100 KiB: without checkpoints the log would be 6 MiB and more.
    expect(Bun.file(`${catalog.file}-wal`).size).toBeLessThan(5 * 1024 * 1024);
  });

  test("answers nothing for a hidden directory and for what is no directory", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1), origin(B, 2)]);
    await catalog.list(B, "", [directory("x")]);
    const entry = catalog.node("x")?.entry ?? 0;
    const node = emptyNode();
    expect(catalog.reader.directory(entry, node)).toBe(true);
    await catalog.list(A, "", [file("x", 1)]);
    expect(catalog.reader.directory(entry, node)).toBe(false);
    const shown = catalog.node("x") ?? expect.unreachable();
    expect(catalog.reader.directory(shown.entry, node)).toBe(false);
    expect(catalog.reader.version(shown.version, node)).toBe(true);
    expect(node).toEqual(shown);
  });

  test("asks for a file's replicas and path once, until somebody commits", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    await catalog.list(A, "", [file("a", 1), file("b", 1)]);
    const run: string[] = [];
    using cleanUp = new DisposableStack();
    const reader = (remembers: boolean) =>
      cleanUp.adopt(
        new SqliteCatalogReader(catalog.file, { before: (sql) => run.push(sql), remembers }),
        (each) => each.close(),
      );
    const [remembering, forgetful] = [reader(true), reader(false)];
    const { version = 0, entry = 0 } = catalog.node("a") ?? {};
    const selects = () => run.splice(0).filter((sql) => sql.startsWith("SELECT")).length;
    const ask = (of: SqliteCatalogReader) => [of.replicas(version), of.pathOf(entry)] as const;
    selects();

    const asked = ask(remembering);
    expect(asked).toEqual([[expect.objectContaining({ version, entry })], path("a")]);
    expect(selects()).toBe(1);
    expect(ask(remembering)).toEqual(asked);
    expect(selects()).toBe(0);
    expect(ask(forgetful)).toEqual(asked);
    expect(ask(forgetful)).toEqual(asked);
    expect(selects()).toBe(4);

    await catalog.list(A, "", [file("b", 1)]);
    expect(ask(remembering)).toEqual([[], undefined]);
    expect(ask(remembering)).toEqual([[], undefined]);
  });

  test("keeps no more pages than its share of metadata_cache_mb, and 256 KiB at least", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    const pageCache = (megabytes: number) => {
      const run: string[] = [];
      const kib = readerCacheKib(megabytes * 1024 ** 2);
      new SqliteCatalogReader(catalog.file, {
        cacheKib: kib,
        before: (sql) => run.push(sql),
      }).close();
      return run.filter((sql) => sql.includes("cache_size"));
    };
    expect(pageCache(100)).toEqual(["PRAGMA cache_size = -8533"]);
    expect(pageCache(1200)).toEqual(["PRAGMA cache_size = -102400"]);
    expect(pageCache(1)).toEqual(["PRAGMA cache_size = -256"]);
  });

  test("rejects with catalog what cannot be opened", () => {
    const open = () => new SqliteCatalogReader("/nonexistent/catalog.db");
    expect(open).toThrow(expect.objectContaining({ code: "catalog" }));
  });
});
