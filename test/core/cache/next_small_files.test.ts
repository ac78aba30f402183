import { expect, test } from "bun:test";
import { displayPath } from "../../../src/core/bytes.ts";
import { LISTED_ENTRIES, nextSmallFiles } from "../../../src/core/cache/next_small_files.ts";
import { BLOCK_BYTES } from "../../../src/core/limits.ts";
import { A, directory, file, origin, TestCatalog } from "../catalog/fixture.ts";

test("nextSmallFiles() are those after a file in its directory, with bytes and of one block at most", async () => {
  await using catalog = new TestCatalog();
  await catalog.store.configureOrigins([origin(A, 1)]);
  await catalog.list(A, "", [directory("album"), file("other", 1)]);
  await catalog.list(A, "album", [
    file("a", 1),
    file("large", BLOCK_BYTES + 1),
    directory("scans"),
    file("b", BLOCK_BYTES),
    file("empty", 0),
    file("c", 7),
    file("d", 7),
  ]);
  const after = (name: string, maxFiles: number) =>
    nextSmallFiles(catalog.reader, catalog.node(name)?.version ?? 0, maxFiles).map(
      ({ path, sizeBytes }) => `${displayPath(path)} ${sizeBytes}`,
    );
  const all = [`album/b ${BLOCK_BYTES}`, "album/c 7", "album/d 7"];
  expect(after("album/a", 10)).toEqual(all);
  expect(after("album/a", 2)).toEqual(all.slice(0, 2));
  expect(after("album/large", 10)).toEqual(all);
  expect(after("album/d", 10)).toEqual([]);
  expect(after("album/gone", 10)).toEqual([]);

  const [next] = nextSmallFiles(catalog.reader, catalog.node("album/b")?.version ?? 0, 1);
  expect(next).toMatchObject({ version: catalog.node("album/c")?.version ?? 0, sizeBytes: 7 });
  expect(next?.replicas()).toMatchObject([{ origin: A, match: "proved" }]);
});

test("nextSmallFiles() does not search a directory of large files from end to end", async () => {
  await using catalog = new TestCatalog();
  await catalog.store.configureOrigins([origin(A, 1)]);
  const large = (count: number) =>
    Array.from({ length: count }, (_, i) => file(`large ${i}`, BLOCK_BYTES + 1));
  const after = (entries: number) =>
    catalog
      .list(A, "", [file("a", 1), ...large(entries), file("z", 1)])
      .then(() => nextSmallFiles(catalog.reader, catalog.node("a")?.version ?? 0, 1).length);
  expect(await after(LISTED_ENTRIES)).toBe(0);
});
