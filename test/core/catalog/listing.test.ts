import { describe, expect, test } from "bun:test";
import { ROOT_PATH } from "../../../src/core/bytes.ts";
import type { ListingPage } from "../../../src/core/catalog/catalog.ts";
import type { DirEntry } from "../../../src/core/origins/origin.ts";
import { A, B, directory, file, fileStat, namesOf, origin, path, TestCatalog } from "./fixture.ts";
import { brokenInvariants } from "./invariants.ts";

function page(entries: readonly DirEntry[], more: Partial<ListingPage> = {}): ListingPage {
  return { origin: A, directory: ROOT_PATH, entries, first: false, last: false, ...more };
}

describe("listings", () => {
  test("of several pages show each at once and remove after the last", async () => {
    await using catalog = new TestCatalog();
    const { store } = catalog;
    await store.configureOrigins([origin(A, 1)]);
    await catalog.list(A, "", [file("old", 1), file("kept", 1), file("also", 1)]);
    await store.applyListing(page([file("kept", 1)], { first: true }));
    await store.applyListing(page([file("new", 2)]));
    expect(catalog.tree()).toEqual(["also=1", "kept=1", "new=2", "old=1"]);
    const changes = await store.applyListing(page([file("also", 1)], { last: true }));
    expect(catalog.tree()).toEqual(["also=1", "kept=1", "new=2"]);
    expect(namesOf(changes)).toEqual(["1/old"]);
    expect(changes.events).toEqual([{ type: "file_removed", origin: A, path: path("old") }]);
  });

  test("of one directory at once are told apart by their number", async () => {
    await using catalog = new TestCatalog();
    const { store } = catalog;
    await store.configureOrigins([origin(A, 1)]);
    await catalog.list(A, "", [file("x", 1), file("y", 1), file("z", 1)]);
    await store.applyListing(page([file("x", 1)], { first: true, listing: 1 }));
    await store.applyListing(page([file("y", 1)], { first: true, listing: 2 }));
    await store.applyListing(page([file("y", 1), file("z", 1)], { last: true, listing: 1 }));
    await store.applyListing(page([file("x", 1), file("z", 1)], { last: true, listing: 2 }));
    expect(catalog.tree()).toEqual(["x=1", "y=1", "z=1"]);
  });

  test("compare anew what was changed between two of their pages", async () => {
    await using catalog = new TestCatalog();
    const { store } = catalog;
    await store.configureOrigins([origin(A, 1)]);
    await catalog.list(A, "", [file("x", 1), file("y", 1)]);
    await store.applyListing(page([file("x", 1)], { first: true, listing: 1 }));
    await store.applyStat(A, path("y"), fileStat(9));
    const changes = await store.applyListing(page([file("y", 9)], { last: true, listing: 1 }));
    expect(changes.names).toEqual([]);
    expect(brokenInvariants(catalog.file)).toEqual([]);
  });

  test("without their first page add but remove nothing", async () => {
    await using catalog = new TestCatalog();
    const { store } = catalog;
    await store.configureOrigins([origin(A, 1)]);
    await catalog.list(A, "", [file("x", 1), file("y", 1), file("z", 1)]);
    await store.applyListing(page([file("new", 1)], { last: true }));
    expect(catalog.tree()).toEqual(["new=1", "x=1", "y=1", "z=1"]);
  });

  test("of directories that the origin does not hold are ignored", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1), origin(B, 2)]);
    await catalog.list(A, "", [directory("d")]);
    const changes = await catalog.list(B, "d", [file("x", 1)]);
    expect(changes).toEqual({ names: [], directories: [], events: [] });
    expect(catalog.tree()).toEqual(["d/"]);
  });

  test("with one name twice count it once", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    await catalog.list(A, "", [file("x", 1), file("x", 2)]);
    expect(catalog.tree()).toEqual(["x=1"]);
    expect(brokenInvariants(catalog.file)).toEqual([]);
  });

  test("turn a file into a directory and back", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    await catalog.list(A, "", [file("x", 1), file("y", 1), file("z", 1)]);
    await catalog.list(A, "", [directory("x"), file("y", 1), file("z", 1)]);
    expect(catalog.tree()).toEqual(["x/", "y=1", "z=1"]);
    await catalog.list(A, "x", [file("in", 1)]);
    await catalog.list(A, "", [file("x", 3), file("y", 1), file("z", 1)]);
    expect(catalog.tree()).toEqual(["x=3", "y=1", "z=1"]);
    expect(brokenInvariants(catalog.file)).toEqual([]);
  });

  test("keep names that are no text", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    const name = "\xff\xfe caf\xe9" as DirEntry["name"];
    await catalog.list(A, "", [{ ...fileStat(1), name }]);
    const node = catalog.reader;
    const out = { ...(catalog.node("") ?? expect.unreachable()) };
    expect(node.lookup(1, Buffer.from(name, "latin1"), out)).toBe(true);
    expect(out.sizeBytes).toBe(1);
  });

  test("tell which directories of enabled origins were never completed", async () => {
    await using catalog = new TestCatalog();
    const { store, reader } = catalog;
    await store.configureOrigins([
      origin(A, 2),
      origin(B, 1),
      origin("off" as typeof A, 0, { enabled: false }),
    ]);
    expect(reader.unlisted(1)).toEqual([
      { origin: B, path: ROOT_PATH },
      { origin: A, path: ROOT_PATH },
    ]);
    await store.applyListing(page([directory("d")], { first: true }));
    expect(reader.unlisted(1)).toHaveLength(2);
    await store.applyListing(page([], { last: true }));
    expect(reader.unlisted(1)).toEqual([{ origin: B, path: ROOT_PATH }]);
    expect(reader.unlisted(catalog.node("d")?.entry ?? 0)).toEqual([
      { origin: A, path: path("d") },
    ]);
  });
});
