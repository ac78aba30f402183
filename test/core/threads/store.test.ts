import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathFromText, ROOT_PATH } from "../../../src/core/bytes.ts";
import { SqliteCatalogReader } from "../../../src/core/catalog/reader.ts";
import { OwnError } from "../../../src/core/errors.ts";
import { spawnWorker } from "../../../src/core/threads/spawn.ts";
import { StoreThread } from "../../../src/core/threads/store.ts";
import { A, file, origin, TempDirectory } from "../catalog/fixture.ts";

describe("StoreThread", () => {
  test("writes on its own thread what a reader sees here", async () => {
    using directory = new TempDirectory();
    const path = join(directory.path, "catalog.db");
    const store = await StoreThread.open(path);
    expect(store.generation).not.toBe("");
    expect(store.notice).toBeUndefined();
    await store.configureOrigins([origin(A, 1)]);
    const page = { origin: A, directory: ROOT_PATH, first: true, last: true };
    const changes = await store.applyListing({ ...page, entries: [file("x", 3)] });
    expect(changes.names).toHaveLength(1);
    const reader = new SqliteCatalogReader(path);
    expect(reader.totals().files).toBe(1);
    reader.close();
    await store.close();
    await store.close();
  });

  test("carries errors across as what they are", async () => {
    using directory = new TempDirectory();
    const store = await StoreThread.open(join(directory.path, "catalog.db"));
    const failure = await store
      .finishScan(A, { complete: true, allowEmpty: false })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OwnError);
    expect(failure).toMatchObject({ code: "catalog", message: "no scan of origin a is running" });
    await store.close();
  });

  test("rejects with catalog when the file cannot be opened", async () => {
    using directory = new TempDirectory();
    const path = join(directory.path, "catalog.db");
    mkdirSync(path);
    const failure = await StoreThread.open(path).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "catalog" });
  });

  test("rejects what is pending, and all that follows, when the thread dies", async () => {
    using directory = new TempDirectory();
    const workers: Worker[] = [];
    const store = await StoreThread.open(join(directory.path, "catalog.db"), () => {
      const worker = spawnWorker("store");
      workers.push(worker);
      return worker;
    });
    workers[0]?.terminate();
    const call = store.applyStat(A, pathFromText("x"), file("x", 1));
    expect(await call.catch((error: unknown) => error)).toMatchObject({ code: "catalog" });
    const late = store.beginScan(A);
    expect(await late.catch((error: unknown) => error)).toMatchObject({ code: "catalog" });
    await store.close();
  });
});
