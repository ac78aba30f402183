import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EventBus, type MusicFsEvent } from "../../../src/core/events.ts";
import { CacheThread, type CacheThreadOptions } from "../../../src/core/threads/cache.ts";
import { spawnWorker } from "../../../src/core/threads/spawn.ts";
import { GIB, NAS, TempDirectory, testFile } from "../cache/fixture.ts";

function options(cacheDir: string): CacheThreadOptions & { readonly told: MusicFsEvent[] } {
  const told: MusicFsEvent[] = [];
  const events = new EventBus();
  events.subscribe((event) => told.push(event));
  const faults: string[] = [];
  return {
    cacheDir,
    budgetBytes: GIB,
    events,
    isCached: () => true,
    onWhole: () => undefined,
    onNotice: () => undefined,
    onFault: (message) => faults.push(message),
    told,
  };
}

describe("CacheThread", () => {
  test("keeps on its own thread what is read here, also after a restart", async () => {
    using directory = new TempDirectory();
    const file = testFile("album/a.flac");
    {
      await using thread = await CacheThread.open(options(directory.path));
      using cached = thread.blocks.open(file);
      const taken = cached.keep(0, file.bytes, { origin: NAS, proved: true });
      expect(taken).toBeTrue();
      while (!cached.isComplete) await Bun.sleep(1);
      const into = new Uint8Array(file.sizeBytes);
      expect(await cached.read(0, into)).toBe(file.sizeBytes);
      expect(into).toEqual(file.bytes);
    }
    await using thread = await CacheThread.open(options(directory.path));
    using cached = thread.blocks.open(file);
    expect(cached.isComplete).toBeTrue();
    const into = new Uint8Array(100);
    expect(await cached.read(70_000, into)).toBe(100);
    expect(into).toEqual(file.bytes.subarray(70_000, 70_100));
  });

  test("writes what was taken before it closes", async () => {
    using directory = new TempDirectory();
    const file = testFile("a.flac");
    const first = await CacheThread.open(options(directory.path));
    const cached = first.blocks.open(file);
    expect(cached.keep(0, file.bytes, { origin: NAS, proved: true })).toBeTrue();
    await first.close();
    await first.close();
    expect(await cached.read(0, new Uint8Array(1))).toBe(0);
    await using second = await CacheThread.open(options(directory.path));
    using again = second.blocks.open(file);
    expect(again.isComplete).toBeTrue();
  });

  test("answers what a person asks, with progress, and errors as what they are", async () => {
    using directory = new TempDirectory();
    const file = testFile("a.flac");
    const thread = await CacheThread.open(options(directory.path));
    {
      using cached = thread.blocks.open(file);
      cached.keep(0, file.bytes, { origin: NAS, proved: true });
    }
    expect(await thread.calls().stats()).toMatchObject({ files: 1, completeFiles: 1 });
    const progress: number[] = [];
    const calls = thread.calls((done, total) => progress.push(done / total));
    expect(await calls.verify({ paths: [], repair: false })).toMatchObject({ blocks: 4, bad: [] });
    expect(progress.at(-1)).toBe(1);
    await thread.close();
    expect(await calls.stats().catch((error: unknown) => error)).toMatchObject({ code: "cache" });
  });

  test("starts degraded where the directory cannot be made", async () => {
    using directory = new TempDirectory();
    writeFileSync(join(directory.path, "content"), "in the way");
    const given = options(directory.path);
    await using thread = await CacheThread.open(given);
    expect(thread.blocks.state).toMatchObject({ status: "degraded" });
    expect(given.told).toMatchObject([{ type: "cache_state_changed", status: "degraded" }]);
    const failure = await thread
      .calls()
      .stats()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "cache" });
  });

  test("a dead thread leaves what is cached to be read", async () => {
    using directory = new TempDirectory();
    mkdirSync(directory.path, { recursive: true });
    const workers: Worker[] = [];
    await using thread = await CacheThread.open(options(directory.path), () => {
      const worker = spawnWorker("cache");
      workers.push(worker);
      return worker;
    });
    const file = testFile("a.flac");
    using cached = thread.blocks.open(file);
    cached.keep(0, file.bytes, { origin: NAS, proved: true });
    while (!cached.isComplete) await Bun.sleep(1);
    const pending = thread.calls().stats();
    workers[0]?.terminate();
    await pending.catch((error: unknown) => expect(error).toMatchObject({ code: "cache" }));
    while (thread.blocks.state.status === "ok") await Bun.sleep(1);
    expect(cached.keep(0, file.bytes, { origin: NAS, proved: true })).toBeFalse();
    expect(await cached.read(0, new Uint8Array(file.sizeBytes))).toBe(file.sizeBytes);
  });
});
