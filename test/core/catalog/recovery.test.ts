import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { ROOT_PATH } from "../../../src/core/bytes.ts";
import { SqliteCatalogReader } from "../../../src/core/catalog/reader.ts";
import { CatalogStore } from "../../../src/core/catalog/store.ts";
import { A, emptyNode, file, HandClock, origin, TempDirectory } from "./fixture.ts";
import { brokenInvariants } from "./invariants.ts";

class Place implements Disposable {
  readonly #directory = new TempDirectory();
  readonly clock = new HandClock();
  readonly file = join(this.#directory.path, "catalog.db");

  open(): CatalogStore {
    return CatalogStore.open(this.file, this.clock);
  }

  /** Names of the files beside the catalog, without the times in them. */
  files(): string[] {
    return readdirSync(this.#directory.path)
      .map((name) => name.replace(/aside-[^-]*/, "aside"))
      .sort();
  }

  async scan(store: CatalogStore, names: readonly string[]): Promise<void> {
    await store.configureOrigins([origin(A, 1)]);
    await store.beginScan(A);
    const entries = names.map((name) => file(name, 1));
    await store.applyListing({ origin: A, directory: ROOT_PATH, entries, first: true, last: true });
    await store.finishScan(A, { complete: true, allowEmpty: true });
  }

  tree(): string[] {
    const reader = new SqliteCatalogReader(this.file);
    const names: string[] = [];
    reader.list(1, 0, emptyNode(), (name) => {
      names.push(Buffer.from(name).toString());
      return true;
    });
    reader.close();
    return names;
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

/** Puts garbage over the pages after the first, or after a share of them. */
function scramble(path: string, share = 0): void {
  const bytes = readFileSync(path);
  for (let at = Math.max(4096, Math.floor(bytes.length * share)); at < bytes.length; at++)
    bytes[at] = (at * 131) & 0xff;
  writeFileSync(path, bytes);
}

describe("a catalog", () => {
  test("that is garbage is set aside and replaced by the last good copy", async () => {
    using place = new Place();
    const store = place.open();
    await place.scan(store, ["a", "b"]);
    const { generation } = store;
    await store.close();
    writeFileSync(place.file, "this is no database, and long enough to be looked at".repeat(200));
    const again = place.open();
    expect(again.notice).toContain("The copy of ");
    expect(again.notice).toContain(`set aside as ${place.file}.aside-`);
    expect(again.generation).toBe(generation);
    expect(place.tree()).toEqual(["a", "b"]);
    expect(place.files()).toContain("catalog.db.aside");
    await again.close();
    expect(place.open().notice).toBeUndefined();
  });

  test("that is replaced never uses an id again", async () => {
    using place = new Place();
    const store = place.open();
    await place.scan(store, ["a"]);
    await store.close();
    // What is added after the copy was made is lost with the catalog, and so are its ids.
    const second = place.open();
    await second.applyListing({
      ...{ origin: A, directory: ROOT_PATH, first: true, last: true },
      entries: [file("a", 1), file("lost", 1)],
    });
    const reader = new SqliteCatalogReader(place.file);
    const lost = emptyNode();
    expect(reader.lookup(1, Buffer.from("lost"), lost)).toBe(true);
    reader.close();
    await second.close();
    writeFileSync(place.file, "garbage");
    const third = place.open();
    await place.scan(third, ["a", "new"]);
    const after = new SqliteCatalogReader(place.file);
    const fresh = emptyNode();
    expect(after.lookup(1, Buffer.from("new"), fresh)).toBe(true);
    expect(fresh.entry).toBeGreaterThan(lost.entry);
    expect(fresh.version).toBeGreaterThan(lost.version);
    expect(fresh.version).toBeLessThan(2 ** 52);
    after.close();
    await third.close();
    expect(brokenInvariants(place.file)).toEqual([]);
  });

  test("without a good copy is replaced by an empty one", async () => {
    using place = new Place();
    writeFileSync(place.file, "garbage".repeat(1000));
    const store = place.open();
    expect(store.notice).toContain("An empty one takes its place");
    await place.scan(store, ["a"]);
    expect(place.tree()).toEqual(["a"]);
    await store.close();
  });

  test("whose good copy is garbage too is replaced by an empty one", async () => {
    using place = new Place();
    const store = place.open();
    await place.scan(store, ["a"]);
    await store.close();
    writeFileSync(place.file, "garbage");
    writeFileSync(`${place.file}.good`, "garbage".repeat(1000));
    const again = place.open();
    expect(again.notice).toContain("An empty one takes its place");
    expect(place.tree()).toEqual([]);
    await again.close();
  });

  test("of a newer version is set aside", async () => {
    using place = new Place();
    const store = place.open();
    await place.scan(store, ["a"]);
    await store.close();
    const db = new Database(place.file);
    db.run("PRAGMA user_version = 99");
    db.close();
    const again = place.open();
    expect(again.notice).toContain("version 99, newer than this program's");
    expect(place.tree()).toEqual(["a"]);
    await again.close();
  });

  test("that is another program's database is set aside", async () => {
    using place = new Place();
    const db = new Database(place.file, { create: true });
    db.run("CREATE TABLE t (x)");
    db.close();
    const store = place.open();
    expect(store.notice).toContain("not a catalog of MusicFS");
    await store.close();
  });

  test("with a lost table is set aside", async () => {
    using place = new Place();
    await place.open().close();
    const db = new Database(place.file);
    db.run("DROP TABLE holding");
    db.close();
    const store = place.open();
    expect(store.notice).toContain("holding");
    await store.close();
  });

  test("cut to nothing is replaced by the good copy", async () => {
    using place = new Place();
    const store = place.open();
    await place.scan(store, ["a"]);
    await store.close();
    truncateSync(place.file, 0);
    const again = place.open();
    expect(again.notice).toContain("it is empty");
    expect(place.tree()).toEqual(["a"]);
    await again.close();
  });

  test("with scrambled pages is replaced by the good copy", async () => {
    using place = new Place();
    const store = place.open();
    await place.scan(store, ["a"]);
    await store.close();
    scramble(place.file);
    const again = place.open();
    expect(again.notice).toContain("The copy of ");
    expect(place.tree()).toEqual(["a"]);
    await again.close();
  });

  test("found damaged while it runs fails its calls and is replaced at the next opening", async () => {
    using place = new Place();
    const store = place.open();
    const many = Array.from({ length: 5000 }, (_, i) => `name ${i}`);
    await place.scan(store, many);
    await store.close();
    scramble(place.file, 0.5);
    const damaged = place.open();
    expect(damaged.notice).toBeUndefined();
    const change = damaged.setSha256(4990, "aa");
    expect(await change.catch((error: unknown) => error)).toMatchObject({ code: "catalog" });
    expect(existsSync(`${place.file}.damaged`)).toBe(true);
    rmSync(`${place.file}.damaged`);
    const reader = new SqliteCatalogReader(place.file);
    const list = () => reader.list(1, 0, emptyNode(), () => true);
    expect(list).toThrow(expect.objectContaining({ code: "catalog" }));
    expect(existsSync(`${place.file}.damaged`)).toBe(true);
    reader.close();
    await damaged.close();
    const repaired = place.open();
    expect(repaired.notice).toContain("found damaged");
    expect(place.tree()).toHaveLength(5000);
    expect(existsSync(`${place.file}.damaged`)).toBe(false);
    await repaired.close();
  });

  test("keeps only the newest of what was set aside", async () => {
    using place = new Place();
    for (let round = 0; round < 6; round++) {
      place.clock.ms += 60_000;
      writeFileSync(place.file, "garbage".repeat(1000));
      await place.open().close();
    }
    const aside = place.files().filter((name) => name === "catalog.db.aside");
    expect(aside).toHaveLength(3);
  });

  test("that cannot be written is an error and stays where it is", () => {
    using place = new Place();
    const inside = join(place.file, "below", "catalog.db");
    writeFileSync(place.file, "a file where a directory should be");
    const open = () => CatalogStore.open(inside, place.clock);
    expect(open).toThrow(expect.objectContaining({ code: "catalog" }));
    expect(place.files()).toEqual([basename(place.file)]);
  });

  test("opened twice is repaired and cleaned up by its owner alone", async () => {
    using place = new Place();
    const owner = place.open();
    await place.scan(owner, ["a"]);
    const entries = [file("a", 2)];
    const before = emptyNode();
    const reader = new SqliteCatalogReader(place.file);
    reader.lookup(1, Buffer.from("a"), before);
    await owner.applyListing({ origin: A, directory: ROOT_PATH, entries, first: true, last: true });
    const guest = place.open();
    expect(reader.version(before.version, before)).toBe(true);
    await guest.applyListing({
      ...{ origin: A, directory: ROOT_PATH, first: true, last: true },
      entries: [file("a", 2), file("b", 1)],
    });
    expect(place.tree()).toEqual(["a", "b"]);
    await guest.close();
    reader.close();
    await owner.close();
    expect(brokenInvariants(place.file)).toEqual([]);
  });
});

describe("the good copy", () => {
  test("is kept after a complete scan that changed something, and only then", async () => {
    using place = new Place();
    const copy = `${place.file}.good`;
    const store = place.open();
    await store.configureOrigins([origin(A, 1)]);
    await store.close();
    expect(existsSync(copy)).toBe(false);
    const second = place.open();
    await place.scan(second, ["a"]);
    await second.close();
    const made = readFileSync(copy);
    const third = place.open();
    await place.scan(third, ["a"]);
    await third.close();
    // The moment of the last scan is not worth a copy.
    expect(readFileSync(copy).equals(made)).toBe(true);
    const fourth = place.open();
    await place.scan(fourth, ["a", "b"]);
    place.clock.ms += 3_600_000;
    await place.scan(fourth, ["a", "b"]);
    expect(readFileSync(copy).equals(made)).toBe(false);
    await fourth.close();
  });
});
