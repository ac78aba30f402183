import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { INDEX_FORMER_SECS } from "../../../../src/core/limits.ts";
import { IndexDirectory } from "../../../../src/core/sync/index/index_directory.ts";
import { INDEX_HEAD, objectName } from "../../../../src/core/sync/index/index_page.ts";
import { publishIndex } from "../../../../src/core/sync/index/publish.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "musicfs-index-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const files = () =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();

test("an index's directory is empty where it is not there yet", async () => {
  const target = new IndexDirectory(join(directory, "later"));
  expect(await target.list()).toEqual([]);
  await publishIndex([], target);
  expect((await target.list()).map(({ name }) => name)).toContain(INDEX_HEAD);
});

test("what a killed publisher left in a directory goes when it is old, what is others' never", async () => {
  const target = new IndexDirectory(directory);
  const object = objectName("ab".repeat(32));
  await target.put(object, Buffer.from("unused"));
  for (const name of [`${object}.123.new`, "index.123.new", "README", `${object}.txt`]) {
    writeFileSync(join(directory, name), "x");
  }
  const old = Date.now() / 1000 - INDEX_FORMER_SECS - 60;
  const leftovers = [object, `${object}.123.new`, "index.123.new"];
  for (const name of ["README", `${object}.txt`, ...leftovers.slice(0, 2)]) {
    utimesSync(join(directory, name), old, old);
  }
  expect(await publishIndex([], target)).toMatchObject({ removed: 2 });
  const [, , name = ""] = object.split("/");
  expect(files()).toEqual(expect.arrayContaining(["README", `${name}.txt`, "index.123.new"]));
  expect(files()).not.toContain(name);
  expect(files()).not.toContain(`${name}.123.new`);
});
