import { describe, expect, test } from "bun:test";
import { BLOCK_BYTES, CACHE_QUEUE_BYTES } from "../../../src/core/limits.ts";
import { CLOUD, NAS, range, settle, TempDirectory, TestCache, testFile } from "./fixture.ts";

test("a version that is opened again at once is kept once", async () => {
  using directory = new TempDirectory();
  using t = new TestCache(directory.path);
  await settle();
  const file = testFile("a.flac");
  const source = { origin: NAS, proved: true };
  for (let opened = 0; opened < 3; opened++) {
    using cached = t.cache.open(file);
    cached.keep(0, file.bytes.subarray(0, BLOCK_BYTES), source);
  }
  await t.clock.advance(10);
  expect(await t.calls.stats()).toMatchObject({ files: 1, usedBytes: BLOCK_BYTES });
});

describe("StoredBlockCache", () => {
  test("asks nothing of the store for a file of which nothing is kept", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path, { isCached: (origin) => origin === NAS });
    await settle();
    const file = testFile("a.flac", { sizeBytes: 100 });
    {
      using cached = t.cache.open(file);
      expect(cached.keep(0, file.bytes, { origin: CLOUD, proved: true })).toBeFalse();
    }
    expect(t.requests).toEqual([]);
    await t.keep(file);
    expect(t.requests.splice(0)).toEqual(["bind", "keep", "unbind"]);
    expect(await t.read(file)).toEqual(file.bytes);
    expect(t.requests).toEqual(["bind", "unbind"]);
  });

  test("has what is there once the cache can be used, for who had opened before", async () => {
    using directory = new TempDirectory();
    const file = testFile("a.flac");
    {
      using first = new TestCache(directory.path);
      await first.keep(file);
    }
    using second = new TestCache(directory.path);
    using cached = second.cache.open(file);
    expect(cached.isComplete).toBeFalse();
    await settle();
    expect(cached.isComplete).toBeTrue();
    const into = new Uint8Array(file.sizeBytes);
    expect(await cached.read(0, into)).toBe(file.sizeBytes);
    expect(into).toEqual(file.bytes);
  });

  test("serves what was kept, block by block, and nothing else", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path);
    const file = testFile("album/track.flac", { sizeBytes: 5 * BLOCK_BYTES + 100 });
    using cached = t.cache.open(file);
    await settle();
    expect(cached.isComplete).toBeFalse();
    await t.keepIn(cached, file, [1, 2, 5]);
    expect(range(7).map((block) => cached.has(block))).toEqual([
      false,
      true,
      true,
      false,
      false,
      true,
      false,
    ]);

    const into = new Uint8Array(file.sizeBytes);
    expect(await cached.read(0, into)).toBe(0);
    // From the middle of a block to the end of the run.
    const offset = BLOCK_BYTES + 1000;
    expect(await cached.read(offset, into)).toBe(2 * BLOCK_BYTES - 1000);
    expect(into.subarray(0, 2 * BLOCK_BYTES - 1000)).toEqual(
      file.bytes.subarray(offset, 3 * BLOCK_BYTES),
    );
    // A few bytes across two blocks, and the last bytes of the file.
    const few = new Uint8Array(10);
    expect(await cached.read(2 * BLOCK_BYTES - 5, few)).toBe(10);
    expect(few).toEqual(file.bytes.subarray(2 * BLOCK_BYTES - 5, 2 * BLOCK_BYTES + 5));
    expect(await cached.read(file.sizeBytes - 3, few)).toBe(3);
    expect(few.subarray(0, 3)).toEqual(file.bytes.subarray(file.sizeBytes - 3));
    expect(await cached.read(file.sizeBytes, few)).toBe(0);

    await t.keepIn(cached, file, [0, 3, 4]);
    expect(cached.isComplete).toBeTrue();
    expect(await t.read(file)).toEqual(file.bytes);
    expect(t.events).toEqual([]);
  });

  test("has what it had after a restart, at once and without the catalog's ids", async () => {
    using directory = new TempDirectory();
    const file = testFile("a.flac", { origins: [NAS, CLOUD], version: 5 });
    {
      using first = new TestCache(directory.path);
      await first.keep(file);
    }
    using second = new TestCache(directory.path);
    await settle();
    const renumbered = testFile("a.flac", { origins: [CLOUD], version: 4711 });
    using cached = second.cache.open(renumbered);
    expect(cached.isComplete).toBeTrue();
    expect(await second.read(renumbered)).toEqual(file.bytes);
  });

  test("tells versions apart by origin, path, size and token", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path);
    await t.keep(testFile("a.flac"));
    for (const other of [
      testFile("a.flac", { token: "2" }),
      testFile("b.flac"),
      testFile("a.flac", { sizeBytes: 3 * BLOCK_BYTES + 18, version: 9 }),
      testFile("a.flac", { origins: [CLOUD], version: 10 }),
      testFile("a.flac", { match: "probable", version: 11 }),
    ]) {
      using cached = t.cache.open(other);
      await settle();
      expect(cached.has(0)).toBeFalse();
    }
  });

  test("has the bytes of an object that was renamed, and fetches nothing", async () => {
    using directory = new TempDirectory();
    const token = "9e107d9d372bb6826bd81d3542a419d6";
    const file = testFile("Artist/Album/01.flac", { token });
    {
      using before = new TestCache(directory.path);
      await before.keep(file);
    }
    using after = new TestCache(directory.path);
    const renamed = testFile("Artist/Album (1965)/01 Sinnerman.flac", { token });
    await settle();
    using cached = after.cache.open(renamed);
    expect(cached.isComplete).toBeTrue();
    expect(await after.read(renamed)).toEqual(file.bytes);
    // Of another size they are others.
    const other = testFile("moved.flac", { token, sizeBytes: file.sizeBytes + 1 });
    using unknown = after.cache.open(other);
    expect(unknown.has(0)).toBeFalse();
  });

  test("keeps only proved bytes of origins that are cached", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path, { isCached: (origin) => origin !== CLOUD });
    const file = testFile("a.flac");
    using cached = t.cache.open(file);
    await settle();
    const block = file.bytes.subarray(0, BLOCK_BYTES);
    expect(cached.keep(0, block, { origin: NAS, proved: false })).toBeFalse();
    expect(cached.keep(0, block, { origin: CLOUD, proved: true })).toBeFalse();
    expect(() => cached.keep(1, block, { origin: NAS, proved: true })).toThrow(RangeError);
    await t.clock.advance(10);
    expect(cached.has(0)).toBeFalse();
    const later = block.slice();
    expect(cached.keep(0, later, { origin: NAS, proved: true })).toBeTrue();
    // The caller's memory is its own again.
    later.fill(0);
    await t.clock.advance(10);
    const into = new Uint8Array(BLOCK_BYTES);
    expect(await cached.read(0, into)).toBe(BLOCK_BYTES);
    expect(into).toEqual(block);
  });

  test("drops what does not fit the queue, and tells when there is room again", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path);
    const file = testFile("big.flac", { sizeBytes: CACHE_QUEUE_BYTES + BLOCK_BYTES });
    using cached = t.cache.open(file);
    await settle();
    const source = { origin: NAS, proved: true };
    expect(cached.keep(0, file.bytes.subarray(0, CACHE_QUEUE_BYTES), source)).toBeTrue();
    expect(
      cached.keep(CACHE_QUEUE_BYTES, file.bytes.subarray(CACHE_QUEUE_BYTES), source),
    ).toBeFalse();
    let hasRoom = false;
    const room = t.cache.room().then(() => {
      hasRoom = true;
    });
    await settle();
    expect(hasRoom).toBeFalse();
    await t.clock.advance(10);
    await room;
    expect(cached.has(0)).toBeTrue();
    expect(
      cached.keep(CACHE_QUEUE_BYTES, file.bytes.subarray(CACHE_QUEUE_BYTES), source),
    ).toBeTrue();
  });

  test("shares blocks between views of one version until the last is closed", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path);
    const file = testFile("a.flac");
    const one = t.cache.open(file);
    const two = t.cache.open(file);
    await t.keepIn(one, file);
    expect(two.isComplete).toBeTrue();
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    expect(t.cache.openVersions).toBe(1);
    expect(await two.read(0, new Uint8Array(10))).toBe(10);
    two[Symbol.dispose]();
    expect(t.cache.openVersions).toBe(0);
    await settle();
    expect((await t.calls.stats()).openFiles).toBe(0);
  });

  test("an empty file is complete and takes nothing", async () => {
    using directory = new TempDirectory();
    using t = new TestCache(directory.path);
    using cached = t.cache.open(testFile("empty", { sizeBytes: 0 }));
    await settle();
    expect(cached.isComplete).toBeTrue();
    expect(await cached.read(0, new Uint8Array(10))).toBe(0);
    expect((await t.calls.stats()).files).toBe(0);
  });
});
