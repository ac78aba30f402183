import { describe, expect, test } from "bun:test";
import { ROOT_ENTRY } from "../../../src/core/catalog/catalog.ts";
import { A, B, C, directory, file, namesOf, origin, path, TestCatalog } from "./fixture.ts";
import { brokenInvariants } from "./invariants.ts";

describe("visibility", () => {
  test("shows the better kind, hides the other's subtree, and reports it once (FR-13.3)", async () => {
    await using catalog = new TestCatalog();
    const { store } = catalog;
    await store.configureOrigins([origin(A, 1), origin(B, 2)]);
    await catalog.list(B, "", [directory("x")]);
    await catalog.list(B, "x", [directory("y"), file("z", 3)]);
    const changes = await catalog.list(A, "", [file("x", 1)]);
    expect(changes.events).toContainEqual({
      ...{ type: "kind_conflict", path: path("x"), shown: A, hidden: B },
    } as const);
    expect(catalog.tree()).toEqual(["x=1"]);
    expect(catalog.reader.totals()).toEqual({ files: 1, directories: 0, bytes: 1 });
    const again = await catalog.list(B, "", [directory("x", { mode: 0o700 })]);
    expect(again.events).toEqual([]);
    expect(again.names).toEqual([]);
    // The hidden subtree is still recorded, and listed.
    await catalog.list(B, "x", [directory("y"), file("z", 4)]);
    expect(catalog.tree()).toEqual(["x=1"]);
    const swapped = await store.configureOrigins([origin(A, 2), origin(B, 1)]);
    expect(catalog.tree()).toEqual(["x/", "x/y/", "x/z=4"]);
    expect(swapped.events).toEqual([
      { type: "kind_conflict", path: path("x"), shown: B, hidden: A },
    ]);
    expect(brokenInvariants(catalog.file)).toEqual([]);
  });

  test("reports a conflict again when it appears again", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1), origin(B, 2)]);
    const kinds = (changes: { readonly events: readonly { readonly type: string }[] }) =>
      changes.events.filter(({ type }) => type === "kind_conflict").length;
    await catalog.list(A, "", [file("x", 1), file("y", 1), file("z", 1)]);
    expect(kinds(await catalog.list(B, "", [directory("x"), file("o", 1)]))).toBe(1);
    await catalog.list(B, "", [file("o", 1)]);
    expect(kinds(await catalog.list(B, "", [directory("x"), file("o", 1)]))).toBe(1);
  });

  test("merges directories of three origins and ignores disabled ones", async () => {
    await using catalog = new TestCatalog();
    const { store } = catalog;
    await store.configureOrigins([origin(A, 1), origin(B, 2), origin(C, 3, { enabled: false })]);
    for (const id of [A, B, C]) {
      await catalog.list(id, "", [directory("d")]);
      await catalog.list(id, "d", [file(`of-${id}`, 1), file("all", id === C ? 9 : 1)]);
    }
    expect(catalog.tree()).toEqual(["d/", "d/all=1", "d/of-a=1", "d/of-b=1"]);
    await store.configureOrigins([origin(A, 1, { enabled: false }), origin(B, 2), origin(C, 0)]);
    expect(catalog.tree()).toEqual(["d/", "d/all=9", "d/of-b=1", "d/of-c=1"]);
  });

  test("tells of directories that are hidden: shown again, they are the same node", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1), origin(B, 2)]);
    await catalog.list(A, "", [directory("d")]);
    await catalog.list(A, "d", [file("x", 1)]);
    const entry = catalog.node("d")?.entry ?? expect.unreachable();
    const hidden = { ...origin(A, 1), enabled: false };
    const changes = await catalog.store.configureOrigins([hidden, origin(B, 2)]);
    expect(catalog.tree()).toEqual([]);
    expect(changes.directories).toContain(entry);
    await catalog.list(B, "", [directory("d")]);
    expect(catalog.node("d")?.entry).toBe(entry);
  });

  test("names a file whose attributes alone changed, and keeps its version", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    await catalog.list(A, "", [file("x", 1)]);
    const before = catalog.node("x");
    const changes = await catalog.list(A, "", [file("x", 1, { mode: 0o400 })]);
    expect(namesOf(changes)).toEqual(["1/x"]);
    expect(changes.events).toEqual([]);
    expect(catalog.node("x")).toEqual({ ...(before ?? expect.unreachable()), mode: 0o400 });
    expect(catalog.node("x")?.version).toBe(before?.version ?? 0);
  });

  test("gives new bytes a new version under the same entry", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    await catalog.list(A, "", [file("x", 1)]);
    const before = catalog.node("x") ?? expect.unreachable();
    const changes = await catalog.list(A, "", [file("x", 1, { token: "other" })]);
    const after = catalog.node("x") ?? expect.unreachable();
    expect(after.entry).toBe(before.entry);
    expect(after.version).toBeGreaterThan(before.version);
    expect(namesOf(changes)).toEqual(["1/x"]);
    expect(changes.events).toEqual([{ type: "file_modified", origin: A, path: path("x") }]);
    // Old handles still find what they opened, until the catalog is opened next.
    const old = { ...before };
    expect(catalog.reader.version(before.version, old)).toBe(true);
    expect(old).toEqual(before);
    await catalog.reopen();
    expect(catalog.reader.version(before.version, old)).toBe(false);
    expect(catalog.reader.version(after.version, old)).toBe(true);
  });

  test("says nothing of a replica that is not the visible one", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1), origin(B, 2)]);
    await catalog.list(A, "", [file("x", 1)]);
    const changes = await catalog.list(B, "", [file("x", 2)]);
    expect(changes.names).toEqual([]);
    expect(changes.directories).toEqual([]);
    expect(changes.events).toEqual([
      { type: "file_added", origin: B, path: path("x") },
      { type: "replica_mismatch", path: path("x"), origins: [A, B], how: "size" },
    ]);
    expect((await catalog.list(B, "", [file("x", 2)])).events).toEqual([]);
  });

  test("keeps ids across remounts and never uses one twice", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    const entries = [directory("d"), file("x", 1), file("y", 1), file("z", 1)];
    await catalog.list(A, "", entries);
    const ids = ["d", "x", "y"].map((name) => catalog.node(name)?.entry);
    await catalog.reopen();
    await catalog.list(A, "", entries);
    expect(["d", "x", "y"].map((name) => catalog.node(name)?.entry)).toEqual(ids);
    const gone = catalog.node("z") ?? expect.unreachable();
    await catalog.list(A, "", entries.slice(0, 3));
    await catalog.reopen();
    await catalog.list(A, "", entries);
    const back = catalog.node("z") ?? expect.unreachable();
    expect(back.entry).toBeGreaterThan(gone.entry);
    expect(back.version).toBeGreaterThan(gone.version);
  });
});

describe("directory times", () => {
  const mtime = (catalog: TestCatalog, at: string) => {
    const node = catalog.node(at) ?? expect.unreachable();
    return [node.mtimeSec, node.mtimeNsec];
  };

  test("are the latest of the origins' while a directory is filled first", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1), origin(B, 2)]);
    await catalog.list(A, "", [directory("d", { mtimeSec: 50, mtimeNsec: 1 })]);
    await catalog.list(B, "", [directory("d", { mtimeSec: 50, mtimeNsec: 7 })]);
    expect(mtime(catalog, "d")).toEqual([50, 7]);
    await catalog.list(A, "d", [file("x", 1)]);
    expect(mtime(catalog, "d")).toEqual([50, 7]);
  });

  test("move with every addition and removal seen, and survive a restart", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1), origin(B, 2)]);
    await catalog.list(A, "", [directory("d"), file("1", 1), file("2", 1)]);
    await catalog.list(A, "d", [file("x", 1)]);
    await catalog.list(B, "", [directory("d")]);
    catalog.clock.ms += 5000;
    // The other origin's own mtime does not move, and is older.
    const changes = await catalog.list(B, "d", [file("x", 1), file("y", 1)]);
    const seconds = catalog.clock.ms / 1000;
    expect(mtime(catalog, "d")).toEqual([seconds, 0]);
    expect(changes.directories).toContain(catalog.node("d")?.entry ?? 0);
    await catalog.list(B, "d", [file("x", 1)]);
    expect(mtime(catalog, "d")).toEqual([seconds, 1]);
    await catalog.reopen();
    expect(mtime(catalog, "d")).toEqual([seconds, 1]);
    // Nothing is added to the tree by what it has already.
    catalog.clock.ms += 5000;
    await catalog.list(B, "d", [file("x", 5)]);
    expect(mtime(catalog, "d")).toEqual([seconds, 1]);
  });

  test("move past an origin's clock that is ahead", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    const ahead = { mtimeSec: 9_000_000_000, mtimeNsec: 999_999_999 };
    await catalog.list(A, "", [directory("d", ahead)]);
    await catalog.list(A, "d", [file("x", 1)]);
    await catalog.list(A, "d", [file("x", 1), file("y", 1)]);
    expect(mtime(catalog, "d")).toEqual([9_000_000_001, 0]);
  });

  test("move when the origin whose mtime was shown goes with its names", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1), origin(B, 2)]);
    const seconds = catalog.clock.ms / 1000;
    await catalog.list(
      A,
      "",
      [file("x", 1)],
      directory("root", { mtimeSec: seconds, mtimeNsec: 0 }),
    );
    await catalog.list(B, "", [], directory("root", { mtimeSec: 7 }));
    expect(mtime(catalog, "")).toEqual([seconds, 0]);
    await catalog.store.configureOrigins([origin(B, 2)]);
    expect(catalog.node("x")).toBeUndefined();
    expect(mtime(catalog, "")).toEqual([seconds, 1]);
  });

  test("move when an incomplete directory was shown, and with what comes after", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    await catalog.list(A, "", [directory("d")]);
    const entry = catalog.node("d")?.entry ?? 0;
    const changes = await catalog.store.noteIncomplete(entry);
    expect(changes.directories).toEqual([entry]);
    const first = mtime(catalog, "d");
    catalog.clock.ms += 1000;
    await catalog.list(A, "d", [file("x", 1)]);
    expect(mtime(catalog, "d")).not.toEqual(first);
    expect(mtime(catalog, "d")).toEqual([catalog.clock.ms / 1000, 0]);
  });

  test("and attributes of the root come with its first page", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    const stat = directory("root", { mode: 0o750, uid: 7, mtimeSec: 99 });
    const changes = await catalog.list(A, "", [], stat);
    expect(changes.directories).toEqual([ROOT_ENTRY]);
    expect(catalog.node("")).toMatchObject({ mode: 0o750, uid: 7, mtimeSec: 99 });
  });
});
