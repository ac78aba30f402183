/** What happens to the cache's files behind its back, and what is served then: never a wrong byte. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import { join } from "node:path";
import { contentDirectory, indexFile } from "../../../src/core/cache/open_index.ts";
import { ProcessLock } from "../../../src/core/catalog/process_lock.ts";
import { BLOCK_BYTES, CACHE_RETRY_MS } from "../../../src/core/limits.ts";
import { range, settle, TempDirectory, TestCache, testFile } from "./fixture.ts";

function dataFiles(directory: string): string[] {
  return fs
    .readdirSync(contentDirectory(directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^\d+$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

function onlyDataFile(directory: string): string {
  const [file, ...others] = dataFiles(directory);
  if (file === undefined || others.length > 0) throw new Error("there is not exactly one");
  return file;
}

function flipBit(file: string, offsetBytes: number): void {
  const fd = fs.openSync(file, "r+");
  const byte = new Uint8Array(1);
  fs.readSync(fd, byte, 0, 1, offsetBytes);
  fs.writeSync(fd, Uint8Array.of((byte[0] ?? 0) ^ 0x10), 0, 1, offsetBytes);
  fs.closeSync(fd);
}

describe("data files", () => {
  test("a flipped bit is found when read, told, and fetched again", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path);
    const file = testFile("a.flac");
    await t.keep(file);
    flipBit(onlyDataFile(directory.path), BLOCK_BYTES + 4242);
    using cached = t.cache.open(file);
    await settle();
    const into = new Uint8Array(file.sizeBytes);
    expect(await cached.read(0, into)).toBe(BLOCK_BYTES);
    expect(into.subarray(0, BLOCK_BYTES)).toEqual(file.bytes.subarray(0, BLOCK_BYTES));
    expect(range(4).map((block) => cached.has(block))).toEqual([true, false, true, true]);
    expect(t.events.at(-1)).toEqual({
      type: "cache_block_dropped",
      path: file.path,
      block: 1,
      reason: "its checksum is wrong",
    });
    // The rest is still good, and the block comes back.
    expect(await cached.read(2 * BLOCK_BYTES, into)).toBe(file.sizeBytes - 2 * BLOCK_BYTES);
    await t.keepIn(cached, file, [1]);
    expect(await t.read(file)).toEqual(file.bytes);
  });

  test("a truncated file loses what was cut off, and has its size again", async () => {
    using directory = new TempDirectory();
    const file = testFile("a.flac");
    {
      using t = new TestCache(directory.path);
      await t.keep(file);
    }
    const data = onlyDataFile(directory.path);
    fs.truncateSync(data, BLOCK_BYTES + 10);
    using t = new TestCache(directory.path);
    await settle();
    using cached = t.cache.open(file);
    const into = new Uint8Array(file.sizeBytes);
    expect(await cached.read(0, into)).toBe(BLOCK_BYTES);
    expect(await cached.read(2 * BLOCK_BYTES, into)).toBe(0);
    expect(await cached.read(3 * BLOCK_BYTES, into)).toBe(0);
    expect(range(4).map((block) => cached.has(block))).toEqual([true, false, false, false]);
    await t.keepIn(cached, file, [1, 2, 3]);
    expect(await t.read(file)).toEqual(file.bytes);
    expect(fs.statSync(data).size).toBe(file.sizeBytes);
  });

  test("a deleted file is forgotten as a whole", async () => {
    using directory = new TempDirectory();
    const file = testFile("a.flac");
    {
      using t = new TestCache(directory.path);
      await t.keep(file);
    }
    fs.rmSync(onlyDataFile(directory.path));
    using t = new TestCache(directory.path);
    await settle();
    using cached = t.cache.open(file);
    expect(cached.isComplete).toBeTrue();
    expect(await cached.read(0, new Uint8Array(10))).toBe(0);
    expect(cached.has(2)).toBeFalse();
    expect(t.events.at(-1)).toMatchObject({ type: "cache_block_dropped", path: file.path });
    await settle();
    expect((await t.calls.stats()).files).toBe(0);
    await t.keepIn(cached, file);
    expect(await t.read(file)).toEqual(file.bytes);
  });

  test("a file of which the index knows nothing is swept away, others are not", async () => {
    using directory = new TempDirectory();
    const file = testFile("a.flac");
    {
      using t = new TestCache(directory.path);
      await t.keep(file);
    }
    const data = onlyDataFile(directory.path);
    const orphan = join(data, "..", "513");
    fs.writeFileSync(orphan, "left behind");
    const lost = join(contentDirectory(directory.path), "data-0badcafe");
    fs.mkdirSync(join(lost, "01"), { recursive: true });
    using t = new TestCache(directory.path);
    await t.clock.advance(10_000);
    expect(fs.existsSync(orphan)).toBeFalse();
    expect(fs.existsSync(lost)).toBeFalse();
    expect(await t.read(file)).toEqual(file.bytes);
  });

  test("a link in place of a file is not followed", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path);
    const file = testFile("a.flac");
    await t.keep(file, [0]);
    const data = onlyDataFile(directory.path);
    t[Symbol.dispose]();
    const elsewhere = join(directory.path, "elsewhere");
    fs.writeFileSync(elsewhere, "precious");
    fs.rmSync(data);
    fs.symlinkSync(elsewhere, data);
    using next = new TestCache(directory.path);
    await next.keep(file);
    expect(fs.readFileSync(elsewhere, "utf8")).toBe("precious");
  });
});

describe("the index", () => {
  test("a damaged index gives way to an empty one", async () => {
    using directory = new TempDirectory();
    const file = testFile("a.flac");
    {
      using t = new TestCache(directory.path);
      await t.keep(file);
    }
    fs.writeFileSync(indexFile(contentDirectory(directory.path)), "not a database at all, is it?");
    using t = new TestCache(directory.path);
    await settle();
    expect(t.cache.state).toEqual({ status: "ok" });
    expect(t.notices.join()).toContain("damaged");
    expect(await t.read(file)).toBeUndefined();
    await t.keep(file);
    expect(await t.read(file)).toEqual(file.bytes);
    await t.clock.advance(10_000);
    expect(dataFiles(directory.path)).toHaveLength(1);
  });

  test("a cache of a newer version is set aside whole, and only the latest one is kept", async () => {
    using directory = new TempDirectory();
    const file = testFile("a.flac");
    for (const round of [1, 2]) {
      {
        using t = new TestCache(directory.path);
        await t.keep(file);
      }
      using index = new Database(indexFile(contentDirectory(directory.path)));
      index.run("PRAGMA user_version = 99");
      index.close();
      using t = new TestCache(directory.path);
      await settle();
      expect(t.cache.state).toEqual({ status: "ok" });
      expect(t.notices.join()).toContain(round === 1 ? "newer version" : "in place of one");
      expect(await t.read(file)).toBeUndefined();
      expect(fs.existsSync(`${contentDirectory(directory.path)}.aside/index.db`)).toBeTrue();
    }
  });

  test("one that lost its tables is begun anew", async () => {
    using directory = new TempDirectory();
    new TestCache(directory.path)[Symbol.dispose]();
    using index = new Database(indexFile(contentDirectory(directory.path)));
    index.run("DROP TABLE sums");
    index.close();
    using t = new TestCache(directory.path);
    await settle();
    expect(t.notices.join()).toContain("incomplete");
    const file = testFile("a.flac");
    await t.keep(file);
    expect(await t.read(file)).toEqual(file.bytes);
  });

  test("a directory in use by another process is left alone until it is free", async () => {
    using directory = new TempDirectory();
    const lock = ProcessLock.tryAcquire(join(directory.path, "content.lock"));
    using t = new TestCache(directory.path);
    await settle();
    expect(t.cache.state).toMatchObject({ status: "degraded" });
    expect(fs.existsSync(contentDirectory(directory.path))).toBeFalse();
    const file = testFile("a.flac");
    await t.keep(file);
    expect(await t.read(file)).toBeUndefined();
    lock?.[Symbol.dispose]();
    await t.clock.advance(CACHE_RETRY_MS);
    expect(t.cache.state).toEqual({ status: "ok" });
    await t.keep(file);
    expect(await t.read(file)).toEqual(file.bytes);
  });

  test("everything deleted while in use: it begins anew within the retry time", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path);
    const file = testFile("a.flac");
    await t.keep(file);
    fs.rmSync(contentDirectory(directory.path), { recursive: true });
    const other = testFile("b.flac");
    await t.keep(other);
    await t.clock.advance(CACHE_RETRY_MS);
    await t.keep(other);
    expect(t.cache.state).toEqual({ status: "ok" });
    expect(await t.read(other)).toEqual(other.bytes);
    const again = await t.read(file);
    if (again !== undefined) expect(again).toEqual(file.bytes);
  });
});
