import { expect, test } from "bun:test";
import { join } from "node:path";
import { Connection } from "../../../src/core/catalog/connection.ts";
import { ProcessLock } from "../../../src/core/catalog/process_lock.ts";
import { CatalogStore } from "../../../src/core/catalog/store.ts";
import { A, file, HandClock, namesOf, origin, path, TempDirectory } from "./fixture.ts";

test("a connection tells of every run of a statement, with its text", () => {
  using directory = new TempDirectory();
  const runs: string[] = [];
  const connection = Connection.forWriting(join(directory.path, "db"), (sql) => runs.push(sql));
  runs.length = 0;
  connection.run("CREATE TABLE number (n)");
  const insert = connection.statement<unknown, [number]>("INSERT INTO number VALUES (?)");
  insert.run(1);
  insert.run(2);
  const select = connection.statement<{ n: number }, []>("SELECT n FROM number");
  expect(select.get()).toEqual({ n: 1 });
  expect(select.all()).toEqual([{ n: 1 }, { n: 2 }]);
  expect([...select.iterate()]).toEqual([{ n: 1 }, { n: 2 }]);
  connection.close();
  const [create, add, read] = [
    "CREATE TABLE number (n)",
    "INSERT INTO number VALUES (?)",
    "SELECT n FROM number",
  ];
  expect(runs).toEqual([create, add, add, read, read, read]);
});

test("a statement that is made to fail leaves nothing of its transaction", async () => {
  using directory = new TempDirectory();
  let isFull = false;
  const store = CatalogStore.open(join(directory.path, "catalog.db"), new HandClock(), (sql) => {
    if (isFull && sql.startsWith("INSERT INTO version"))
      throw new Error("database or disk is full");
  });
  await store.configureOrigins([origin(A, 1)]);
  const page = { origin: A, directory: path(""), first: true, last: true };
  const list = () => store.applyListing({ ...page, entries: [file("one", 1), file("two", 2)] });
  isFull = true;
  await expect(list()).rejects.toThrow(/catalog .*: database or disk is full/);
  isFull = false;
  expect(namesOf(await list())).toEqual(["1/one", "1/two"]);
  await store.close();
});

test("a catalog that fails to open lets go of its lock, so that the next one owns it", async () => {
  using directory = new TempDirectory();
  const file = join(directory.path, "catalog.db");
  const open = (isFull: boolean) =>
    CatalogStore.open(file, new HandClock(), (sql) => {
      if (isFull && sql === "BEGIN IMMEDIATE") throw new Error("database or disk is full");
    });
  await open(false).close();
  expect(() => open(true)).toThrow(/database or disk is full/);
  const lock = ProcessLock.tryAcquire(`${file}.lock`);
  expect(lock).toBeDefined();
  lock?.[Symbol.dispose]();
});
