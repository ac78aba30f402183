import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProcessLock } from "../../src/core/catalog/process_lock.ts";
import { Home } from "./cli.ts";

// Each test runs the program several times.
setDefaultTimeout(60_000);

const SIZE = 150_000;

/** Three files on a local origin that is cached. */
async function library(contentCacheGb = 1): Promise<Home> {
  const home = new Home();
  const text = (c: string) => c.repeat(SIZE);
  await home.music("disk", {
    "a/1.flac": text("1"),
    "a/2.flac": text("2"),
    "b/3.flac": text("3"),
    "a/list.m3u": "#EXTM3U\n2.flac\n../b/3.flac\nhttp://radio.example/stream\ngone.flac\n",
  });
  await home.run("origins", "add", "disk", "--type", "local", "--path", "disk", "--cache", "true");
  const config = readFileSync(home.configFile, "utf8");
  const mountPoint = `mount_point = "${home.path}/mnt"`;
  const cache = `[cache]\ncontent_cache_gb = ${contentCacheGb}`;
  writeFileSync(home.configFile, `${mountPoint}\n${config}\n${cache}\n`);
  await home.run("scan");
  return home;
}

async function stats(home: Home) {
  return JSON.parse((await home.run("cache", "stats", "--json")).stdout);
}

function dataFiles(home: Home): string[] {
  return readdirSync(join(home.cacheDir, "content"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^\d+$/.test(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name));
}

describe("musicfs cache", () => {
  test("prefetch fills it, stats shows it, clear empties it", async () => {
    using home = await library();
    expect(await stats(home)).toEqual({
      status: "ok",
      reason: null,
      budget_bytes: 1024 ** 3,
      used_bytes: 0,
      files: 0,
      complete_files: 0,
      open_files: 0,
      pinned_files: 0,
      pinned_bytes: 0,
      pins: [],
    });
    const fetched = await home.run("cache", "prefetch", "a/1.flac", "b", "--json");
    expect(fetched.code).toBe(0);
    expect(JSON.parse(fetched.stdout)).toEqual({
      files: 2,
      bytes: 2 * SIZE,
      fetched_bytes: 2 * SIZE,
      failed: [],
      missing: [],
    });
    // Below the mount point, though nothing is mounted there; and nothing is fetched twice.
    const again = await home.run("cache", "prefetch", join(home.path, "mnt/b/3.flac"));
    expect(again).toMatchObject({
      code: 0,
      stdout: "1 of 1 files are on disk, 146 KiB together; fetched 0 B\n",
    });
    expect(await stats(home)).toMatchObject({ files: 2, complete_files: 2 });
    expect((await home.run("cache", "clear", "b")).stdout).toBe("removed 1 files, 148 KiB\n");
    expect((await home.run("cache", "clear")).stdout).toBe("removed 1 files, 148 KiB\n");
    expect(dataFiles(home)).toEqual([]);
  });

  test("prefetch leaves nothing for scan --chunks to read", async () => {
    using home = await library();
    await home.run("cache", "prefetch", "a/1.flac", "a/2.flac");
    const scan = await home.run("scan", "--chunks", "--json");
    const playlist = readFileSync(join(home.path, "disk/a/list.m3u")).byteLength;
    expect(JSON.parse(scan.stdout).chunks).toMatchObject([
      { files: 4, read_bytes: SIZE + playlist, failed: [] },
    ]);
  });

  test("keeps the files of a directory that was renamed (S-4)", async () => {
    using home = await library();
    await home.run("cache", "prefetch", "b/3.flac");
    renameSync(join(home.path, "disk/b"), join(home.path, "disk/c"));
    await home.run("scan");
    const { stdout } = await home.run("cache", "prefetch", "c", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ files: 1, bytes: SIZE, fetched_bytes: 0 });
  });

  test("pin fetches what playlists and paths name, and unpin lets it go", async () => {
    using home = await library();
    const pinned = await home.run("cache", "pin", "a/list.m3u");
    expect(pinned).toEqual({
      code: 3,
      stdout: "2 of 2 files are on disk, 293 KiB together; fetched 293 KiB\n",
      stderr: "musicfs: not in the library: gone.flac\n",
    });
    writeFileSync(join(home.path, "mine.m3u"), `${home.path}/mnt/a/1.flac\n`);
    expect((await home.run("cache", "pin", "mine.m3u")).code).toBe(0);
    expect(await stats(home)).toMatchObject({
      pinned_files: 3,
      pins: ["a/1.flac", "a/2.flac", "b/3.flac"],
    });
    expect((await home.run("cache", "clear")).stdout).toBe(
      "removed 0 files, 0 B; 3 pinned files were left (--pinned)\n",
    );
    const wrong = await home.run("cache", "unpin", "a/1.flac", "a");
    expect(wrong).toMatchObject({
      code: 2,
      stderr: "musicfs: not pinned: a; see musicfs cache stats\n",
    });
    expect((await home.run("cache", "unpin", "a/1.flac")).stdout).toBe("unpinned a/1.flac\n");
    expect(await stats(home)).toMatchObject({ pinned_files: 2 });
  });

  test("refuses, with the sizes, what does not fit", async () => {
    using home = await library(0.0004);
    const { code, stderr } = await home.run("cache", "pin", "a", "b");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^musicfs: pinned files would take 440 KiB, and there is room for 377 KiB/,
    );
    expect(await stats(home)).toMatchObject({ files: 0, pins: [] });
    // Each would fit, both together do not.
    expect((await home.run("cache", "pin", "a/1.flac", "a/2.flac")).code).toBe(0);
    expect((await home.run("cache", "prefetch", "b")).code).toBe(1);
  });

  test("verify finds what is bad, and repairs it", async () => {
    using home = await library();
    await home.run("cache", "prefetch", ".");
    expect(await home.run("cache", "verify")).toMatchObject({
      code: 0,
      stdout: "4 files, 10 blocks, 440 KiB: 0 bad blocks in 0 files\n",
    });
    const file = dataFiles(home).find((each) => readFileSync(each, "utf8").startsWith("1")) ?? "";
    const bytes = readFileSync(file);
    bytes[70_000] = 0;
    writeFileSync(file, bytes);
    const found = await home.run("cache", "verify", "--json");
    expect(found.code).toBe(1);
    expect(JSON.parse(found.stdout)).toMatchObject({
      repaired: false,
      bad: [{ path: "a/1.flac", blocks: 1 }],
    });
    expect(await home.run("cache", "verify", "--repair", "a")).toMatchObject({
      code: 0,
      stderr: "musicfs: a/1.flac: 1 bad blocks of 64 KiB\n",
    });
    expect((await home.run("cache", "verify")).code).toBe(0);
    expect(await home.run("cache", "prefetch", "a/1.flac")).toMatchObject({
      stdout: "1 of 1 files are on disk, 146 KiB together; fetched 64 KiB\n",
    });
  });

  test("says what is wrong: nothing there, elsewhere, off, in use", async () => {
    using home = await library();
    const wrong = async (...args: string[]) => {
      const { code, stderr } = await home.run("cache", ...args);
      return [code, stderr.trimEnd()] as const;
    };
    expect(await wrong("pin", "nope")).toEqual([2, "musicfs: there is no nope in the library"]);
    expect(await wrong("pin", "/etc")).toEqual([
      2,
      `musicfs: /etc is not below the mount point ${home.path}/mnt`,
    ]);
    expect(await wrong("pin", "none.m3u")).toEqual([
      2,
      "musicfs: the playlist none.m3u cannot be read",
    ]);
    {
      using _lock = ProcessLock.tryAcquire(join(home.cacheDir, "content.lock"));
      const [code, message] = await wrong("stats");
      expect(code).toBe(4);
      expect(message).toContain("another process uses the cached contents");
    }
    await home.run("origins", "set", "disk", "--cache", "false");
    const [code, message] = await wrong("prefetch", "a/1.flac");
    expect([code, message]).toEqual([
      3,
      "musicfs: a/1.flac: it was not kept: its origins have cache = false, or there is no room",
    ]);
    writeFileSync(
      home.configFile,
      readFileSync(home.configFile, "utf8").replace(/content_cache_gb.*/, "content_cache_gb = 0"),
    );
    expect(await wrong("stats")).toEqual([
      2,
      "musicfs: nothing is kept on disk: content_cache_gb is 0",
    ]);
  });
});
