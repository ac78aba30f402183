import { describe, expect, test } from "bun:test";
import { OriginError } from "../../../src/core/errors.ts";
import {
  BLOCK_BYTES,
  FETCH_QUICK_MS,
  PAGED_LOOK_BYTES,
  READER_MEMORY_BYTES,
} from "../../../src/core/limits.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { settle } from "../../support/virtual_clock.ts";
import { KIB, MIB, ReaderSetting, testFile } from "./slow_source.ts";

const LOCAL = "disk" as OriginId;
const down = () => new OriginError("connection", "bucket", "", "refused");
const outcomeOf = (error: unknown) => (error instanceof OriginError ? error.code : error);

describe("Reader: blocks", () => {
  test("fetches the blocks a read needs, once, and reads them from the cache from then on", async () => {
    const setting = new ReaderSetting();
    const file = testFile(5 * BLOCK_BYTES + 100);
    const first = await setting.get(file, 70 * KIB, 10);
    expect(first).toMatchObject({ originBytes: 10, memoryBytes: 0, cacheBytes: 0 });
    expect(setting.takeRequests()).toEqual([[64, 64]]);
    expect(await setting.get(file, 90 * KIB, 1000)).toMatchObject({ memoryBytes: 1000 });
    expect(setting.cache.blocksOf(1)).toEqual([1]);
    setting.reader.release(file);
    const again = await setting.get(file.again(), 90 * KIB, 1000);
    expect(again).toMatchObject({ cacheBytes: 1000, originBytes: 0 });
    expect(again.origin).toBeUndefined();
    expect(setting.takeRequests()).toEqual([]);
  });

  test("ends at the end of the file, and asks for nothing past it", async () => {
    const setting = new ReaderSetting();
    const file = testFile(BLOCK_BYTES + 100);
    expect((await setting.get(file, BLOCK_BYTES + 50, 1000)).bytesRead).toBe(50);
    expect(setting.requests.map(({ lengthBytes }) => lengthBytes)).toEqual([100]);
  });

  test("asks for what a large read lacks side by side, around what is there", async () => {
    const setting = new ReaderSetting();
    const file = testFile(16 * BLOCK_BYTES);
    await setting.get(file, 5 * BLOCK_BYTES, 1);
    setting.reader.release(file);
    setting.takeRequests();
    const served = await setting.get(file.again(), 0, MIB);
    expect(setting.requests.map(({ atMs }) => atMs)).toEqual(
      Array(5).fill(setting.requests[0]?.atMs),
    );
    expect(setting.takeRequests()).toEqual([
      [0, 256],
      [256, 64],
      [384, 256],
      [640, 256],
      [896, 128],
    ]);
    expect(served).toMatchObject({ cacheBytes: BLOCK_BYTES, originBytes: 15 * BLOCK_BYTES });
  });

  test("fetches a block once however many wait for it", async () => {
    const setting = new ReaderSetting();
    const file = testFile(4 * BLOCK_BYTES);
    const handles = Array.from({ length: 20 }, () => file.again());
    const reads = handles.map((handle, at) => setting.read(handle, at * 100, 5000));
    await setting.clock.run(Promise.all(reads));
    expect(setting.takeRequests()).toEqual([[0, 64]]);
  });

  test("goes on with a fetch when its first waiter goes away", async () => {
    const setting = new ReaderSetting();
    const file = testFile(4 * BLOCK_BYTES);
    const leaving = new AbortController();
    const first = setting.read(file, 0, 100, leaving.signal);
    const second = setting.read(file.again(), 0, 100);
    await setting.clock.advance(10);
    leaving.abort();
    expect(await first.catch((error) => error.code)).toBe("cancelled");
    await setting.clock.run(second);
    expect(setting.requests.length).toBe(1);
  });

  test("gives a fetch up when nobody waits for it any more", async () => {
    const setting = new ReaderSetting();
    const file = testFile(4 * BLOCK_BYTES);
    const leaving = [new AbortController(), new AbortController()];
    const reads = leaving.map(({ signal }) => setting.read(file.again(), 0, 100, signal));
    await setting.clock.advance(10);
    expect(setting.active).toBe(1);
    for (const each of leaving) each.abort();
    await Promise.allSettled(reads);
    await settle();
    expect(setting.active).toBe(0);
    expect(setting.clock.pendingTimers).toBe(0);
    expect(setting.reader.usage.memoryBytes).toBe(0);
    await setting.get(file, 0, 100);
    expect(setting.requests.length).toBe(2);
  });

  test("files that are not worth it go straight to the federation", async () => {
    const setting = new ReaderSetting();
    const file = testFile(MIB, 1, LOCAL);
    await setting.get(file, 1000, 50);
    await setting.get(file, 1000, 50);
    expect(
      setting.requests.map(({ offsetBytes, lengthBytes }) => [offsetBytes, lengthBytes]),
    ).toEqual([
      [1000, 50],
      [1000, 50],
    ]);
    expect(setting.cache.blocksOf(1)).toEqual([]);
    expect(setting.reader.usage.versions).toBe(0);
  });

  test("who first reads a file that is gone reads what others have of it (NFR-7.1)", async () => {
    const setting = new ReaderSetting();
    const file = testFile(BLOCK_BYTES);
    await setting.get(file, 0, 100);
    const late = Object.assign(file.again(), { replicas: () => [] });
    expect(await setting.get(late, 200, 100)).toMatchObject({ memoryBytes: 100 });
    setting.takeRequests();
    setting.reader.release(file);
    expect(await setting.get(late, 400, 100)).toMatchObject({ bytesRead: 100, originBytes: 0 });
    expect(setting.takeRequests()).toEqual([]);
    setting.reader.release(late);
    expect(setting.reader.usage).toMatchObject({ versions: 0, handles: 0 });
  });

  test("never keeps a byte of a replica that is only probably the same", async () => {
    const setting = new ReaderSetting();
    setting.proved = false;
    const file = testFile(4 * BLOCK_BYTES);
    expect((await setting.get(file, 0, 100)).proved).toBe(false);
    expect((await setting.get(file, 100, 100)).proved).toBe(false);
    setting.reader.release(file);
    expect(setting.cache.blocksOf(1)).toEqual([]);
    expect(setting.cache.counts.kept).toBe(0);
    setting.proved = true;
    expect((await setting.get(file.again(), 0, 100)).proved).toBe(true);
  });

  test("fetches a block again that the cache has lost", async () => {
    const setting = new ReaderSetting();
    const file = testFile(4 * BLOCK_BYTES);
    await setting.get(file, 0, 4 * BLOCK_BYTES);
    setting.reader.release(file);
    setting.takeRequests();
    setting.cache.lose(1, 2);
    await setting.get(file.again(), 0, 4 * BLOCK_BYTES);
    expect(setting.takeRequests()).toEqual([[128, 64]]);
  });

  test("serves from memory what the cache could not keep", async () => {
    const setting = new ReaderSetting();
    setting.cache.state = { status: "degraded", reason: "the disk is full" };
    const file = testFile(4 * BLOCK_BYTES);
    await setting.get(file, 0, BLOCK_BYTES);
    expect(await setting.get(file, 0, BLOCK_BYTES)).toMatchObject({ memoryBytes: BLOCK_BYTES });
    expect(setting.requests.length).toBe(1);
  });
});

describe("Reader: failures", () => {
  test("a read whose own fetch fails, fails as it does", async () => {
    const setting = new ReaderSetting();
    setting.failures.push(down());
    const file = testFile(MIB);
    expect(await setting.get(file, 0, 100).catch(outcomeOf)).toBe("connection");
    expect(setting.requests.length).toBe(1);
    expect(setting.reader.usage.memoryBytes).toBe(0);
    await setting.get(file, 0, 100);
  });

  test("a read that joined another's fetch tries once itself when that fails", async () => {
    const setting = new ReaderSetting();
    setting.failures.push(down());
    const file = testFile(MIB);
    const first = setting.read(file, 0, 100).catch(outcomeOf);
    await setting.clock.advance(20);
    const second = setting.read(file.again(), 0, 100);
    expect((await setting.clock.run(second)).bytesRead).toBe(100);
    expect(await first).toBe("connection");
    expect(setting.requests.length).toBe(2);
  });

  test("two hundred readers of a dead origin cost two requests", async () => {
    const setting = new ReaderSetting();
    for (let n = 0; n < 400; n++) setting.failures.push(down());
    const file = testFile(MIB);
    const reads = Array.from({ length: 200 }, () => setting.read(file.again(), 0, 100));
    const results = await setting.clock.run(
      Promise.all(reads.map((read) => read.catch(outcomeOf))),
    );
    expect(new Set(results)).toEqual(new Set(["connection"]));
    expect(setting.requests.length).toBe(2);
  });

  test("a read is over at its deadline, whenever the fetch it joined began (NFR-7.2)", async () => {
    const setting = new ReaderSetting({ readDeadlineMs: 1000 });
    setting.latencyMs = 100_000;
    const file = testFile(MIB);
    const late = new AbortController();
    const first = setting.read(file, 0, 100, late.signal).catch(outcomeOf);
    await setting.clock.advance(600);
    const startedMs = setting.clock.monotonicMs();
    const second = setting.read(file.again(), 0, 100).catch((error) => error.code);
    expect(await setting.clock.run(second)).toBe("deadline_exceeded");
    expect(setting.clock.monotonicMs() - startedMs).toBe(1000);
    await first;
    await settle();
    expect(setting.active).toBe(0);
    expect(setting.clock.pendingTimers).toBe(0);
  });
});

describe("Reader: readahead", () => {
  test("looks at a file's header and tail cost the blocks they touch", async () => {
    const setting = new ReaderSetting();
    const size = 20_000_000;
    const file = testFile(size);
    await setting.stream(file, 0, 64 * KIB, 4 * KIB);
    await setting.stream(file, size - 128 * KIB, size, 4 * KIB);
    await setting.clock.advance(1000);
    const bytes = setting.requests.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    expect(bytes).toBeLessThanOrEqual(1.1 * 192 * KIB);
  });

  test("a sequential reader soon waits no more", async () => {
    const setting = new ReaderSetting();
    const file = testFile(64 * MIB);
    const startedMs = setting.clock.monotonicMs();
    await setting.stream(file, 0, 64 * MIB);
    const roundTrips = (setting.clock.monotonicMs() - startedMs) / setting.latencyMs;
    // Without readahead it is 1024. A look takes 7, the window reaches 16 MiB after 8 more, and the
    // other 32 MiB take 2 or 3.
    expect(roundTrips).toBeLessThanOrEqual(21);
    const ranges = setting.takeRequests();
    expect(ranges.reduce((sum, [, length]) => sum + length, 0)).toBe(64 * KIB);
    expect(ranges.length).toBeLessThanOrEqual(64 * 4 + 10);
  });

  test("a reader that gets far is read ahead for in fewer, longer requests, unless they take long", async () => {
    const lengthsWith = async (latencyMs: number) => {
      const setting = new ReaderSetting();
      setting.latencyMs = latencyMs;
      await setting.stream(testFile(32 * MIB), 0, 24 * MIB, 256 * KIB);
      const lengths = setting.takeRequests().map(([, lengthKib]) => lengthKib);
      return { longest: Math.max(...lengths), count: lengths.length };
    };
    expect(await lengthsWith(50)).toMatchObject({ longest: 4096 });
    expect((await lengthsWith(50)).count).toBeLessThan(30);
    expect(await lengthsWith(FETCH_QUICK_MS + 1)).toMatchObject({ longest: 1024 });
    expect(await lengthsWith(2500)).toMatchObject({ longest: 256 });
  });

  test("what is read ahead is for nobody yet, and makes way for others", async () => {
    const setting = new ReaderSetting();
    const file = testFile(8 * MIB);
    await setting.stream(file, 0, PAGED_LOOK_BYTES + 32 * KIB);
    const background = setting.requests.map(({ background }) => background);
    expect(background).toEqual([...Array(8).fill(false), true]);
  });

  test("a seek ends what was read ahead, and so does closing the file", async () => {
    const setting = new ReaderSetting();
    const file = testFile(64 * MIB);
    await setting.stream(file, 0, 2 * MIB);
    setting.latencyMs = 10_000;
    await setting.get(file, 2 * MIB, 512 * KIB);
    expect(setting.active).toBeGreaterThan(0);
    setting.latencyMs = 50;
    await setting.get(file, 50 * MIB, 100);
    expect(setting.active).toBe(0);
    await setting.stream(file, 50 * MIB, 52 * MIB);
    setting.latencyMs = 10_000;
    await setting.get(file, 52 * MIB, 512 * KIB);
    expect(setting.active).toBeGreaterThan(0);
    setting.reader.release(file);
    await settle();
    expect(setting.active).toBe(0);
    expect(setting.reader.usage).toEqual({
      memoryBytes: 0,
      versions: 0,
      handles: 0,
      sequential: 0,
      filesAhead: 0,
    });
  });

  test("gives the memory of what it fetched back: what gives way at once, the rest with the file", async () => {
    const setting = new ReaderSetting();
    // Nothing is kept on disk.
    setting.proved = false;
    const file = testFile(2 * READER_MEMORY_BYTES);
    const other = file.again();
    await setting.stream(file, 0, file.sizeBytes, MIB);
    const { memoryBytes } = setting.reader.usage;
    expect(memoryBytes).toBeLessThanOrEqual(READER_MEMORY_BYTES);
    expect(setting.lentBytes).toBe(memoryBytes);
    // What a read waits for is lent until it is answered, whoever closes the file meanwhile.
    const reading = setting.read(other, 0, 10);
    setting.reader.release(file);
    setting.reader.release(other);
    expect((await setting.clock.run(reading)).bytesRead).toBe(10);
    await settle();
    expect(setting.lentBytes).toBe(0);
  });

  test("what one reader gave up goes on when another reads there", async () => {
    const setting = new ReaderSetting();
    const file = testFile(8 * MIB);
    await setting.stream(file, 0, PAGED_LOOK_BYTES + 32 * KIB);
    const aheadAt = PAGED_LOOK_BYTES + BLOCK_BYTES;
    const other = setting.read(file.again(), aheadAt + 2 * KIB, 100);
    setting.reader.release(file);
    expect((await setting.clock.run(other)).bytesRead).toBe(100);
    expect(setting.requests.filter(({ offsetBytes }) => offsetBytes === aheadAt).length).toBe(1);
  });

  test("a failed fetch ahead of a reader is nobody's failure", async () => {
    const setting = new ReaderSetting();
    const file = testFile(8 * MIB);
    setting.failures.push(...Array(8).fill(undefined), down());
    await setting.stream(file, 0, MIB);
    expect(setting.failures).toEqual([]);
    expect(setting.requests[8]?.background).toBe(true);
  });

  test("blocks of all files together stay within their memory", async () => {
    const setting = new ReaderSetting();
    const files = Array.from({ length: 12 }, (_, at) => testFile(12 * MIB, at + 1));
    let most = 0;
    for (let at = 0; at < 12 * MIB; at += 256 * KIB) {
      const reads = files.map((file) => setting.read(file, at, 256 * KIB));
      await setting.clock.run(Promise.all(reads));
      most = Math.max(most, setting.reader.usage.memoryBytes);
    }
    expect(most).toBeLessThanOrEqual(READER_MEMORY_BYTES);
    expect(most).toBeGreaterThan(READER_MEMORY_BYTES / 2);
    const fetched = setting.requests.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    expect(fetched).toBe(12 * 12 * MIB);
  });

  test("a reader does not read ahead what the disk has", async () => {
    const setting = new ReaderSetting();
    const file = testFile(4 * MIB);
    await setting.stream(file, 0, 4 * MIB);
    setting.reader.release(file);
    setting.takeRequests();
    setting.cache.lose(1, 40);
    await setting.stream(file.again(), 0, 4 * MIB);
    expect(setting.takeRequests()).toEqual([[40 * 64, 64]]);
  });
});
