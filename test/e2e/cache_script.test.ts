/** A script that manages the cache of a running mount: it reads --json and exit codes, and nothing else. */

import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needing } from "../support/needs.ts";
import { ControlledLibrary } from "./support/controlled_library.ts";
import { eventually } from "./support/musicfs.ts";

const { test: mounted } = needing("root", "fuse");

const BLOCK = 65_536;
const SIZE = 2 * BLOCK + 1000;

/** A cached origin with two albums, and a playlist of which one track is not there. */
function cachedLibrary(): ControlledLibrary {
  const library = new ControlledLibrary("disk");
  library.config(`[[origins]]
id = "disk"
origin_type = "local"
path = "${library.path("disk")}"
cache = true
`);
  for (const [path, letter] of [
    ["a/1.flac", "1"],
    ["a/2.flac", "2"],
    ["b/3.flac", "3"],
  ] as const) {
    library.file(`disk/${path}`, letter.repeat(SIZE));
  }
  library.file("disk/list.m3u", "a/2.flac\nb/3.flac\ngone.flac\n");
  return library;
}

/** The files in which the cache keeps what was read. */
function dataFiles(library: ControlledLibrary): string[] {
  const content = library.path("home", "cache", "musicfs", "content");
  return readdirSync(content, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^\d+$/.test(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name));
}

/** Versions of which the mount has found out, in the background, what they consist of. */
function describedFiles(library: ControlledLibrary): number {
  using catalog = new Database(library.path("home", "cache", "musicfs", "catalog.db"), {
    readonly: true,
  });
  return catalog.query("SELECT version FROM content").all().length;
}

mounted(
  "a script fills, shows, checks, mends and clears the cache of a running mount",
  async () => {
    using library = cachedLibrary();
    await using mount = await library.mount();
    const cache = (...args: string[]) => library.asked("cache", ...args);
    expect(await cache("stats")).toMatchObject({
      code: 0,
      said: { status: "ok", reason: null, used_bytes: 0, files: 0, pins: [] },
    });

    // A path of the mount and one of the library; and nothing is fetched twice.
    const prefetch = ["prefetch", join(library.mountPoint, "a")];
    const album = { files: 2, bytes: 2 * SIZE, failed: [], missing: [] };
    expect(await cache(...prefetch)).toEqual({
      code: 0,
      said: { ...album, fetched_bytes: 2 * SIZE },
    });
    expect(await cache(...prefetch)).toEqual({ code: 0, said: { ...album, fetched_bytes: 0 } });

    expect(await cache("pin", join(library.mountPoint, "list.m3u"))).toEqual({
      code: 3,
      said: { files: 2, bytes: 2 * SIZE, fetched_bytes: SIZE, failed: [], missing: ["gone.flac"] },
    });
    expect((await cache("stats")).said).toMatchObject({
      ...{ files: 3, complete_files: 3, pinned_files: 2 },
      pins: ["a/2.flac", "b/3.flac"],
    });
    const { cache: inStatus } = await library.done("status");
    expect(inStatus).toMatchObject({ status: "ok" });
    expect(inStatus.used_bytes).toBeGreaterThanOrEqual(3 * SIZE);

    // Whoever reads a turned byte first mends it, and that is to be the script.
    await eventually("all three are described", () => describedFiles(library) === 3);
    expect(await cache("clear")).toMatchObject({
      code: 0,
      said: { files: 1, left_pinned_files: 2 },
    });

    // One byte on the disk turns: the script learns of it by the exit code, and has it mended.
    const kept = dataFiles(library).find((file) => readFileSync(file, "latin1").startsWith("3"));
    const bytes = readFileSync(kept ?? "");
    bytes[BLOCK + 1] = 0;
    writeFileSync(kept ?? "", bytes);
    expect(await cache("verify")).toMatchObject({
      code: 1,
      said: { files: 2, repaired: false, bad: [{ path: "b/3.flac", blocks: 1 }] },
    });
    expect(await cache("verify", "--repair")).toMatchObject({ code: 0, said: { repaired: true } });
    expect(await cache("verify")).toMatchObject({ code: 0, said: { bad: [] } });
    expect(await cache("pin", "b/3.flac")).toMatchObject({
      code: 0,
      said: { files: 1, fetched_bytes: BLOCK },
    });

    expect(await cache("unpin", "a/2.flac", "b/3.flac")).toEqual({
      code: 0,
      said: { unpinned: ["a/2.flac", "b/3.flac"] },
    });
    expect(await cache("clear")).toMatchObject({ code: 0, said: { left_pinned_files: 0 } });
    expect((await cache("stats")).said).toMatchObject({ used_bytes: 0, files: 0, pins: [] });
    expect(await mount.stop()).toBe(0);
  },
);

mounted("wrong uses of the cache are told as JSON, by exit code, and change nothing", async () => {
  using library = cachedLibrary();
  await using _mount = await library.mount();
  await library.done("cache", "pin", "a");
  const before = await library.done("cache", "stats");
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["pin"], /missing required argument 'path'/],
    [["pin", "nope"], /no nope in the library/],
    [["prefetch", "/etc"], /\/etc is not below the mount point/],
    [["pin", "none.m3u"], /playlist none\.m3u cannot be read/],
    [["unpin", "b"], /not pinned: b; see musicfs cache stats/],
    [["clear", "/etc"], /\/etc is not below the mount point/],
    [["verfy"], /verfy/],
  ];
  for (const [args, message] of wrong) {
    expect({ args, ...(await library.asked("cache", ...args)) }).toEqual({
      args,
      code: 2,
      said: { error: { code: "usage", message: expect.stringMatching(message) } },
    });
  }
  expect(await library.done("cache", "stats")).toEqual(before);
});
