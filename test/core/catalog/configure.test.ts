import { describe, expect, test } from "bun:test";
import { A, B, directory, file, namesOf, origin, path, TestCatalog } from "./fixture.ts";
import { brokenInvariants } from "./invariants.ts";

describe("configureOrigins", () => {
  test("changes nothing when nothing changed", async () => {
    await using catalog = new TestCatalog();
    const origins = [origin(A, 1, { prefix: "p/q" }), origin(B, 2)];
    await catalog.store.configureOrigins(origins);
    await catalog.list(A, "", [file("x", 1)]);
    const none = { names: [], directories: [], events: [] };
    expect(await catalog.store.configureOrigins(origins)).toEqual(none);
    await catalog.reopen();
    expect(await catalog.store.configureOrigins(origins)).toEqual(none);
  });

  test("makes a prefix's directories, and takes them away again", async () => {
    await using catalog = new TestCatalog();
    const { store } = catalog;
    const changes = await store.configureOrigins([origin(A, 1, { prefix: "p/q" })]);
    expect(namesOf(changes)).toEqual(["1/p", `${catalog.node("p")?.entry}/q`]);
    expect(catalog.tree()).toEqual(["p/", "p/q/"]);
    await catalog.list(A, "", [directory("d")]);
    await catalog.list(A, "d", [file("x", 1)]);
    expect(catalog.tree()).toEqual(["p/", "p/q/", "p/q/d/", "p/q/d/x=1"]);
    const node = catalog.node("p/q/d/x") ?? expect.unreachable();
    expect(catalog.reader.pathOf(node.entry)).toBe(path("p/q/d/x"));
    expect(catalog.reader.replicas(node.version)).toMatchObject([{ path: path("d/x") }]);
    expect(catalog.reader.unlisted(1)).toEqual([]);
    await store.configureOrigins([origin(B, 1)]);
    expect(catalog.tree()).toEqual([]);
    expect(brokenInvariants(catalog.file)).toEqual([]);
  });

  test("merges a prefix with another origin's directory of that name", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1), origin(B, 2, { prefix: "live/tapes" })]);
    await catalog.list(A, "", [directory("live", { mode: 0o700 })]);
    await catalog.list(A, "live", [directory("tapes"), file("x", 1)]);
    await catalog.list(A, "live/tapes", [file("t", 1)]);
    await catalog.list(B, "", [file("t", 2), file("u", 2)]);
    expect(catalog.tree()).toEqual([
      ...["live/", "live/tapes/", "live/tapes/t=1", "live/tapes/u=2", "live/x=1"],
    ]);
    expect(catalog.node("live")?.mode).toBe(0o700);
    await catalog.list(A, "", [file("1", 1), file("2", 1), file("3", 1)]);
    await catalog.list(A, "", [file("1", 1), file("2", 1), file("3", 1)]);
    expect(catalog.tree()).toContain("live/tapes/t=2");
    expect(brokenInvariants(catalog.file)).toEqual([]);
  });

  test("a file on a better origin hides a prefix", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1), origin(B, 2, { prefix: "p" })]);
    await catalog.list(B, "", [file("x", 1)]);
    const changes = await catalog.list(A, "", [file("p", 1)]);
    expect(catalog.tree()).toEqual(["p=1"]);
    expect(changes.events.map(({ type }) => type)).toEqual(["file_added", "kind_conflict"]);
  });

  test("a moved prefix keeps versions and what is known of them", async () => {
    await using catalog = new TestCatalog();
    const { store, reader } = catalog;
    await store.configureOrigins([origin(A, 1)]);
    await catalog.list(A, "", [directory("d")]);
    await catalog.list(A, "d", [file("x", 1)]);
    const before = catalog.node("d/x") ?? expect.unreachable();
    await store.setSha256(before.version, "ab");
    await store.configureOrigins([origin(A, 1, { prefix: "p" })]);
    expect(catalog.tree()).toEqual(["p/", "p/d/", "p/d/x=1"]);
    const after = catalog.node("p/d/x") ?? expect.unreachable();
    expect(after.version).toBe(before.version);
    expect(after.entry).not.toBe(before.entry);
    expect(reader.unlisted(catalog.node("p/d")?.entry ?? 0)).toEqual([]);
    await catalog.reopen();
    expect(catalog.tree()).toEqual(["p/", "p/d/", "p/d/x=1"]);
    expect(brokenInvariants(catalog.file)).toEqual([]);
  });

  test("removing an origin leaves nothing of it (F-9)", async () => {
    await using catalog = new TestCatalog();
    const { store } = catalog;
    await store.configureOrigins([origin(A, 1), origin(B, 2)]);
    for (const id of [A, B]) {
      await catalog.list(id, "", [directory("d"), file("x", id === A ? 1 : 2)]);
      await catalog.list(id, "d", [file(`only-${id}`, 1)]);
    }
    await store.beginScan(A);
    const changes = await store.configureOrigins([origin(B, 2)]);
    expect(catalog.tree()).toEqual(["d/", "d/only-b=1", "x=2"]);
    expect(changes.events).toEqual([]);
    expect(catalog.reader.lastCompleteScanMs(A)).toBe(0);
    expect(store.finishScan(A, { complete: true, allowEmpty: true })).rejects.toThrow("no scan");
    expect(store.beginScan(A)).rejects.toThrow("knows no origin a");
    expect(brokenInvariants(catalog.file)).toEqual([]);
  });

  test("equal priorities are settled by the order given (FR-13.3)", async () => {
    await using catalog = new TestCatalog();
    const { store } = catalog;
    await store.configureOrigins([origin(A, 5), origin(B, 5)]);
    await catalog.list(A, "", [file("x", 1)]);
    await catalog.list(B, "", [file("x", 2)]);
    expect(catalog.tree()).toEqual(["x=1"]);
    const changes = await store.configureOrigins([origin(B, 5), origin(A, 5)]);
    expect(catalog.tree()).toEqual(["x=2"]);
    expect(namesOf(changes)).toEqual(["1/x"]);
    expect(changes.directories).toEqual([]);
  });
});
