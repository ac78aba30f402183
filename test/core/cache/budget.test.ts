import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import { pathFromText } from "../../../src/core/bytes.ts";
import { capacityBytes } from "../../../src/core/cache/capacity.ts";
import type { CacheDisk } from "../../../src/core/cache/data_files.ts";
import { contentDirectory } from "../../../src/core/cache/open_index.ts";
import { BLOCK_BYTES, CACHE_RETRY_MS } from "../../../src/core/limits.ts";
import { replaced } from "../../support/replaced.ts";
import {
  GIB,
  range,
  settle,
  TempDirectory,
  TestCache,
  type TestFile,
  testFile,
} from "./fixture.ts";

const MIB = 1024 ** 2;
const PAGE_BYTES = 4096;
/** Ten blocks each. */
const SIZE = 10 * BLOCK_BYTES;

function files(count: number): TestFile[] {
  return range(count).map((i) => testFile(`album/${i}.flac`, { sizeBytes: SIZE }));
}

/** Bytes of data files on the disk. */
function diskUsage(directory: string): number {
  return fs
    .readdirSync(contentDirectory(directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^\d+$/.test(entry.name))
    .reduce(
      (sum, { parentPath, name }) => sum + fs.statSync(`${parentPath}/${name}`).blocks * 512,
      0,
    );
}

async function cachedOf(t: TestCache, all: readonly TestFile[]): Promise<number[]> {
  const there: number[] = [];
  for (const [i, file] of all.entries()) {
    using cached = t.cache.open(file);
    if (cached.isComplete) there.push(i);
  }
  await settle();
  return there;
}

describe("the budget", () => {
  test("counts whole pages of the disk, also for what is about to be kept", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path, { budgetBytes: 2 * PAGE_BYTES + 1 });
    await settle();
    using open = new DisposableStack();
    // What is open is not evicted, so that there is no room for the third.
    for (const file of range(3).map((i) => testFile(`${i}.txt`, { sizeBytes: 1 }))) {
      await t.keepIn(open.use(t.cache.open(file)), file);
    }
    expect((await t.calls.stats()).usedBytes).toBe(2 * PAGE_BYTES);
    expect(diskUsage(directory.path)).toBe(2 * PAGE_BYTES);
  });

  test("is kept: the least recently read goes first", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path, { budgetBytes: 10 * SIZE });
    await settle();
    const all = files(9);
    for (const file of all) await t.keep(file);
    expect(await cachedOf(t, all)).toEqual(range(9));
    // Looking whether it is there is no reading; these two are read.
    await t.read(all[0] as TestFile);
    await t.read(all[3] as TestFile);
    const more = files(13).slice(9);
    for (const file of more) {
      await t.keep(file);
      await t.clock.advance(100);
      expect((await t.calls.stats()).usedBytes).toBeLessThanOrEqual(10 * SIZE);
      expect(diskUsage(directory.path)).toBeLessThanOrEqual(10 * SIZE);
    }
    const left = await cachedOf(t, [...all, ...more]);
    expect(left).toContain(0);
    expect(left).toContain(3);
    expect(left).not.toContain(1);
    expect(left).not.toContain(2);
    expect(left).toContain(12);
    const evicted = t.events.filter(({ type }) => type === "cache_evicted");
    expect(evicted.length).toBeGreaterThan(0);
    expect(t.cache.state).toEqual({ status: "ok" });
  });

  test("recency lasts across restarts", async () => {
    using directory = new TempDirectory();
    const all = files(8);
    {
      using t = new TestCache(directory.path);
      for (const file of all) await t.keep(file);
      await t.read(all[0] as TestFile);
      await t.clock.advance(100);
    }
    using t = new TestCache(directory.path, { budgetBytes: 4 * SIZE });
    await t.clock.advance(1000);
    expect(await cachedOf(t, all)).toEqual([0, 6, 7]);
  });

  test("what is being read is never evicted, and one file does not push itself out", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path, { budgetBytes: 4 * SIZE });
    const [first, second] = files(2) as [TestFile, TestFile];
    await t.keep(second);
    const long = testFile("long.flac", { sizeBytes: 6 * SIZE });
    using playing = t.cache.open(first);
    await t.keepIn(playing, first);
    using reading = t.cache.open(long);
    await t.keepIn(reading, long);
    await t.clock.advance(1000);
    expect(playing.isComplete).toBeTrue();
    expect(reading.has(0)).toBeTrue();
    expect(reading.isComplete).toBeFalse();
    expect(await cachedOf(t, [second])).toEqual([]);
    expect((await t.calls.stats()).usedBytes).toBeLessThanOrEqual(4 * SIZE);
    // Nothing is wrong with the cache: there is just no room.
    expect(t.cache.state).toEqual({ status: "ok" });
  });

  test("does not keep a cache from being used again once a full disk has room", async () => {
    using directory = new TempDirectory();
    let freeBytes = 0;
    const statfs = () => ({ bsize: PAGE_BYTES, blocks: 1e6, bavail: freeBytes / PAGE_BYTES });
    const disk = replaced<CacheDisk>(fs, { statfsSync: statfs as unknown as typeof fs.statfsSync });
    using t = new TestCache(directory.path, { disk, budgetBytes: SIZE });
    await settle();
    const [file] = files(1) as [TestFile];
    await t.keep(file);
    expect(t.cache.state).toMatchObject({ status: "degraded" });
    await t.clock.advance(CACHE_RETRY_MS);
    expect(t.cache.state).toMatchObject({ status: "degraded" });
    freeBytes = GIB;
    await t.clock.advance(CACHE_RETRY_MS);
    expect(t.cache.state).toEqual({ status: "ok" });
    await t.keep(file);
    expect(await t.read(file)).toEqual(file.bytes);
  });

  test("counts whole pages, also of the last block, and of blocks kept twice once", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path);
    const file = testFile("a.flac", { sizeBytes: 2 * BLOCK_BYTES + 4097 });
    await t.keep(file);
    await t.keep(file);
    expect((await t.calls.stats()).usedBytes).toBe(2 * BLOCK_BYTES + 2 * 4096);
  });

  test("leaves a part of the disk to others", () => {
    const disk = (freeBytes: number) => ({ freeBytes, sizeBytes: 100 * MIB });
    expect(capacityBytes(10 * MIB, 0, disk(50 * MIB))).toBe(10 * MIB);
    expect(capacityBytes(GIB, 5 * MIB, disk(50 * MIB))).toBe(53 * MIB);
    expect(capacityBytes(GIB, 5 * MIB, disk(0))).toBe(3 * MIB);
    expect(capacityBytes(GIB, MIB, disk(0))).toBe(0);
    // Of a large disk no more than a gibibyte.
    expect(capacityBytes(900 * GIB, 0, { freeBytes: 50 * GIB, sizeBytes: 1000 * GIB })).toBe(
      49 * GIB,
    );
  });
});

describe("pins", () => {
  test("keep what lies at or below them, across restarts, until they go", async () => {
    using directory = new TempDirectory();
    const pinned = files(3);
    const others = range(8).map((i) => testFile(`other/${i}.flac`, { sizeBytes: SIZE }));
    {
      using t = new TestCache(directory.path, { budgetBytes: 6 * SIZE });
      await settle();
      await t.calls.pin([pathFromText("album/0.flac"), pathFromText("album/1.flac")]);
      for (const file of [...pinned, ...others]) await t.keep(file);
      await t.clock.advance(1000);
      expect(await cachedOf(t, pinned)).toEqual([0, 1]);
    }
    using t = new TestCache(directory.path, { budgetBytes: 6 * SIZE });
    await settle();
    expect(await t.calls.stats()).toMatchObject({
      pinnedFiles: 2,
      pinnedBytes: 2 * SIZE,
      pins: [pathFromText("album/0.flac"), pathFromText("album/1.flac")],
    });
    await t.calls.pin([pathFromText("album")]);
    await t.calls.unpin([pathFromText("album/0.flac"), pathFromText("never/pinned")]);
    for (const file of others)
      await t.keep(testFile(String(file.path), { sizeBytes: SIZE, token: "2" }));
    expect(await cachedOf(t, pinned)).toEqual([0, 1]);
    expect(await t.calls.unpin([pathFromText("album")])).toEqual([pathFromText("album")]);
    await t.calls.unpin([pathFromText("album/1.flac")]);
    for (const file of others)
      await t.keep(testFile(String(file.path), { sizeBytes: SIZE, token: "3" }));
    await t.clock.advance(1000);
    expect(await cachedOf(t, pinned)).toEqual([]);
  });

  test("do not hold the versions that were at their paths before", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path, { budgetBytes: 4 * SIZE });
    await settle();
    await t.calls.pin([pathFromText("a.flac")]);
    const before = testFile("a.flac", { sizeBytes: SIZE });
    const after = testFile("a.flac", { sizeBytes: SIZE, token: "2" });
    await t.keep(before);
    await t.keep(after);
    expect(await t.calls.stats()).toMatchObject({ files: 2, pinnedFiles: 1 });
    for (const file of files(3)) await t.keep(file);
    await t.clock.advance(1000);
    expect(await cachedOf(t, [before, after])).toEqual([1]);
    // The path is theirs again once it is what lies there.
    await t.keep(before, [0]);
    expect(await t.calls.stats()).toMatchObject({ pinnedFiles: 1, pinnedBytes: BLOCK_BYTES });
  });

  test("hold bytes that lie at another path, too, whoever reads them there", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path);
    const token = "9e107d9d372bb6826bd81d3542a419d6";
    await t.calls.pin([pathFromText("album/1.flac")]);
    await t.keep(testFile("album/1.flac", { token }));
    using copy = t.cache.open(testFile("best of/7.flac", { token }));
    await settle();
    expect(copy.isComplete).toBeTrue();
    expect(await t.calls.stats()).toMatchObject({ files: 1, pinnedFiles: 1 });
  });
});

describe("clear", () => {
  test("removes everything but what is pinned, also what is open", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path);
    const [pinned, open, closed] = files(3) as [TestFile, TestFile, TestFile];
    for (const file of [pinned, open, closed]) await t.keep(file);
    await t.calls.pin([pinned.path]);
    using cached = t.cache.open(open);
    await settle();
    expect(await t.clock.run(t.calls.clear({ paths: [], pinned: false }))).toEqual({
      files: 2,
      bytes: 2 * SIZE,
      leftFiles: 1,
    });
    await settle();
    expect(cached.has(0)).toBeFalse();
    expect(await cached.read(0, new Uint8Array(10))).toBe(0);
    expect(await cachedOf(t, [pinned, closed])).toEqual([0]);
    expect(diskUsage(directory.path)).toBe(SIZE);
    // It is kept anew.
    await t.keepIn(cached, open);
    expect(await t.read(open)).toEqual(open.bytes);
    await t.clock.run(t.calls.clear({ paths: [], pinned: true }));
    expect(await t.calls.stats()).toMatchObject({ files: 0, usedBytes: 0, pins: [pinned.path] });
  });

  test("of paths removes what lies at or below them", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path);
    const [one, two] = files(2) as [TestFile, TestFile];
    const other = testFile("album 2/1.flac", { sizeBytes: SIZE });
    for (const file of [one, two, other]) await t.keep(file);
    const options = { paths: [pathFromText("album/1.flac")], pinned: false };
    expect(await t.clock.run(t.calls.clear(options))).toMatchObject({ files: 1 });
    expect(await cachedOf(t, [one, two, other])).toEqual([0, 2]);
    await t.clock.run(t.calls.clear({ paths: [pathFromText("album")], pinned: false }));
    expect(await cachedOf(t, [one, two, other])).toEqual([2]);
  });
});

describe("verify", () => {
  test("finds every block that is not what it was, and drops it with repair", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path);
    const all = files(3);
    for (const file of all) await t.keep(file);
    expect(await t.clock.run(t.calls.verify({ paths: [], repair: true }))).toEqual({
      files: 3,
      blocks: 30,
      bytes: 3 * SIZE,
      bad: [],
    });
    expect(t.progress.at(-1)).toEqual([3 * SIZE, 3 * SIZE]);
    const data = fs
      .readdirSync(contentDirectory(directory.path), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /^\d+$/.test(entry.name))
      .map(({ parentPath, name }) => `${parentPath}/${name}`)
      .sort();
    const fd = fs.openSync(data[0] as string, "r+");
    fs.writeSync(fd, "flipped", BLOCK_BYTES + 5);
    fs.writeSync(fd, "flipped", 5 * BLOCK_BYTES);
    fs.closeSync(fd);
    fs.truncateSync(data[1] as string, 9 * BLOCK_BYTES - 1);
    fs.rmSync(data[2] as string);
    using open = t.cache.open(all[0] as TestFile);
    await settle();
    const found = await t.clock.run(t.calls.verify({ paths: [], repair: false }));
    const bad = [
      { path: all[0]?.path, blocks: 2 },
      { path: all[1]?.path, blocks: 2 },
      { path: all[2]?.path, blocks: 10 },
    ];
    expect(found.bad as unknown).toEqual(bad);
    expect(open.isComplete).toBeTrue();
    const repaired = await t.clock.run(t.calls.verify({ paths: [], repair: true }));
    expect(repaired.bad as unknown).toEqual(bad);
    await settle();
    expect(range(10).filter((block) => !open.has(block))).toEqual([1, 5]);
    const after = await t.clock.run(t.calls.verify({ paths: [], repair: false }));
    expect(after).toMatchObject({ blocks: 16, bad: [] });
    const some = await t.clock.run(
      t.calls.verify({ paths: [pathFromText("album/0.flac")], repair: false }),
    );
    expect(some).toMatchObject({ files: 1, blocks: 8 });
  });
});
