import { describe, expect, test } from "bun:test";
import type { DirEntry } from "../../../src/core/origins/origin.ts";
import { A, directory, directoryStat, file, origin, path, TestCatalog } from "./fixture.ts";

const MARK = "mark";

/** A catalog in which the root of A was listed and is known by MARK. */
async function known(entries: readonly DirEntry[]): Promise<TestCatalog> {
  const catalog = new TestCatalog();
  await catalog.store.configureOrigins([origin(A, 1)]);
  await listed(catalog, entries);
  return catalog;
}

async function listed(catalog: TestCatalog, entries: readonly DirEntry[], at = ""): Promise<void> {
  const page = { origin: A, directory: path(at), entries, first: true, last: true, mark: MARK };
  await catalog.store.applyListing({ ...page, stat: directoryStat() });
}

async function marks(catalog: TestCatalog, ...at: readonly string[]) {
  const listings = await catalog.store.knownListings(A, at.map(path));
  return listings.map((listing) => listing?.mark);
}

const ALBUM = [directory("disc"), file("1", 10), file("2", 20)];

describe("a listing that is known by its mark", () => {
  test("tells its files and directories, also after a restart", async () => {
    await using catalog = await known(ALBUM);
    await catalog.reopen();
    const [listing] = await catalog.store.knownListings(A, [path("")]);
    expect(listing).toMatchObject({ mark: MARK, files: 2, bytes: 30 });
    expect(listing?.directories).toEqual([directory("disc")]);
    expect(await marks(catalog, "disc", "none", "1")).toEqual([undefined, undefined, undefined]);
  });

  test("counts as listed in a scan, and removes nothing", async () => {
    await using catalog = await known(ALBUM);
    await listed(catalog, [], "disc");
    const stat = directoryStat();
    const confirmation = { directory: path(""), mark: MARK, stat };
    // Nothing to count it for.
    expect(await catalog.store.confirmListings(A, [confirmation])).toEqual([false]);
    await catalog.store.beginScan(A);
    const confirmations = [
      confirmation,
      { ...confirmation, mark: "other" },
      { ...confirmation, stat: { ...stat, mode: 0o700 } },
      { ...confirmation, directory: path("disc"), stat: directory("disc") },
    ];
    expect(await catalog.store.confirmListings(A, confirmations)).toEqual([
      ...[true, false, false, true],
    ]);
    const report = await catalog.store.finishScan(A, { complete: true, allowEmpty: false });
    expect(report).toMatchObject({ outcome: "complete", files: 2, bytes: 30, directories: 2 });
    expect(report).toMatchObject({ added: 0, modified: 0, removed: 0 });
  });

  test("is forgotten when a file in it was looked at", async () => {
    await using catalog = await known(ALBUM);
    const { name: _, ...stat } = file("1", 11);
    await catalog.store.applyStat(A, path("1"), stat);
    expect(await marks(catalog, "")).toEqual([undefined]);
  });

  test("is not known by a listing that breaks off, or that left something missing", async () => {
    await using catalog = await known(ALBUM);
    const page = { origin: A, directory: path(""), stat: directoryStat() };
    await catalog.store.applyListing({ ...page, entries: ALBUM, first: true, last: false });
    expect(await marks(catalog, "")).toEqual([undefined]);
    await listed(catalog, ALBUM);
    expect(await marks(catalog, "")).toEqual([MARK]);
    await listed(catalog, ALBUM.slice(0, 2));
    expect(await marks(catalog, "")).toEqual([undefined]);
  });

  test("goes with its directory, and with its origin", async () => {
    await using catalog = await known([...ALBUM, file("3", 1), file("4", 1)]);
    await listed(catalog, [file("x", 1)], "disc");
    expect(await marks(catalog, "", "disc")).toEqual([MARK, MARK]);
    await listed(catalog, [...ALBUM.slice(1), file("3", 1), file("4", 1)]);
    await listed(catalog, [...ALBUM, file("3", 1), file("4", 1)]);
    expect(await marks(catalog, "", "disc")).toEqual([MARK, undefined]);
    await catalog.store.configureOrigins([]);
    await catalog.store.configureOrigins([origin(A, 1)]);
    expect(await marks(catalog, "")).toEqual([undefined]);
  });
});
