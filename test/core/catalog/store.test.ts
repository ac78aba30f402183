import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { ROOT_ENTRY } from "../../../src/core/catalog/catalog.ts";
import { A, B, directory, directoryStat, file, namesOf, origin, TestCatalog } from "./fixture.ts";
import { brokenInvariants } from "./invariants.ts";

describe("CatalogStore", () => {
  test("shows what an origin lists and names what changed (FR-13.2)", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    const changes = await catalog.list(A, "", [directory("album"), file("note.txt", 3)]);
    expect(namesOf(changes)).toEqual(["1/album", "1/note.txt"]);
    expect(changes.directories).toEqual([ROOT_ENTRY]);
    expect(catalog.tree()).toEqual(["album/", "note.txt=3"]);
    await catalog.list(A, "album", [file("01.flac", 10)]);
    expect(catalog.tree()).toEqual(["album/", "album/01.flac=10", "note.txt=3"]);
    expect(catalog.reader.totals()).toEqual({ files: 2, directories: 1, bytes: 13 });
  });

  test("writes nothing when a listing shows nothing new", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    const entries = [directory("album"), file("note.txt", 3)];
    await catalog.list(A, "", entries, directoryStat());
    const before = catalog.node("");
    using db = new Database(catalog.file, { readonly: true });
    // Another connection's commits raise it, unless they wrote nothing.
    const version = () => db.query("PRAGMA data_version").values();
    const written = version();
    const changes = await catalog.list(A, "", entries, directoryStat());
    expect(changes).toEqual({ names: [], directories: [], events: [] });
    expect(version()).toEqual(written);
    expect(catalog.node("")).toEqual(before);
    await catalog.list(A, "", [...entries, file("more", 1)]);
    expect(version()).not.toEqual(written);
  });

  test("fails as a whole and changes nothing when it fails", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    await catalog.list(A, "", [file("x", 1)]);
    const bad = { ...file("z", 1), token: 7 as unknown as string, mode: "no number" as never };
    const failure = await catalog.list(A, "", [file("y", 1), bad]).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "catalog" });
    expect(catalog.tree()).toEqual(["x=1"]);
    await catalog.list(A, "", [file("y", 1), file("x", 1)]);
    expect(catalog.tree()).toEqual(["x=1", "y=1"]);
    expect(brokenInvariants(catalog.file)).toEqual([]);
  });

  test("merges two origins by priority (FR-13.3, FR-13.4)", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 2), origin(B, 1)]);
    await catalog.list(A, "", [file("x", 5), file("only-a", 1)]);
    await catalog.list(B, "", [file("x", 7)]);
    expect(catalog.tree()).toEqual(["only-a=1", "x=7"]);
    const node = catalog.node("x");
    const replicas = catalog.reader.replicas(node?.version ?? 0);
    expect(replicas.map(({ origin, match }) => [origin, match])).toEqual([
      [B, "proved"],
      [A, "different"],
    ]);
    await catalog.store.configureOrigins([origin(A, 0), origin(B, 1)]);
    expect(catalog.tree()).toEqual(["only-a=1", "x=5"]);
  });
});
