/** Programs that go through directories of small files, as scanners do: one, and many at a time. */

import { expect } from "bun:test";
import { needing } from "../support/needs.ts";
import { Mount, must, Workspace } from "./support/musicfs.ts";

const { test } = needing("root", "fuse");

const ALBUMS = 4;
const TRACKS = 60;
/** Empty, a part of a page, whole pages, and more than is given to the kernel with an OPEN. */
const SIZES = [0, 1, 4095, 4096, 5000, 65_536, 65_537, 200_000];

function library(): Workspace {
  const workspace = new Workspace("opens-ahead");
  for (let album = 0; album < ALBUMS; album++) {
    for (let track = 0; track < TRACKS; track++) {
      const size = SIZES[track % SIZES.length] ?? 0;
      const bytes = Buffer.alloc(size, `album ${album}, track ${track}; `);
      workspace.file(`music/album ${album}/track ${track}`, bytes);
    }
  }
  return workspace;
}

/** Nothing of the origin's files is in memory, but the tree of the mount is. */
async function cold(workspace: Workspace): Promise<void> {
  await must(["sh", "-c", "sync; echo 3 > /proc/sys/vm/drop_caches"]);
  await workspace.shell('find "$1" -printf "" > /dev/null');
}

const SUMS = `cd "$1" && find . -type f -print0 | xargs -0 sha256sum`;

/** The programs' sums of all files, which each opens in the order of the listing. */
async function sums(workspace: Workspace, programs: number): Promise<readonly string[][]> {
  const outputs = await Promise.all(Array.from({ length: programs }, () => workspace.shell(SUMS)));
  return outputs.map((output) => output.trim().split("\n").sort());
}

test("small files that are opened one after the other are read as they are", async () => {
  using workspace = library();
  const expected = (await must(["sh", "-c", SUMS, "sh", workspace.path("music")])).trim();
  const args = Mount.origins(workspace.path("music"));
  await using _mount = await Mount.scanned(workspace, args);
  await cold(workspace);
  const [read] = await sums(workspace, 1);
  expect(read).toEqual(expected.split("\n").sort());
});

test("many programs that open the same files at once wait for nobody for ever", async () => {
  using workspace = library();
  const expected = (await must(["sh", "-c", SUMS, "sh", workspace.path("music")])).trim();
  const args = Mount.origins(workspace.path("music"));
  await using _mount = await Mount.scanned(workspace, args);
  for (let round = 0; round < 5; round++) {
    await cold(workspace);
    for (const read of await sums(workspace, 6)) expect(read).toEqual(expected.split("\n").sort());
  }
}, 60_000);
