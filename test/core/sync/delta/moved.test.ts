import { describe, expect, test } from "bun:test";
import { BLOCK_BYTES } from "../../../../src/core/limits.ts";
import { MemoryOrigin } from "../../../../src/core/origins/memory.ts";
import type {
  ContentProof,
  OriginCapabilities,
  ReadOptions,
} from "../../../../src/core/origins/origin.ts";
import { type DeltaPorts, movedFile } from "../../../../src/core/sync/delta/delta_file.ts";
import type { OpenIndex } from "../../../../src/core/sync/index/origin_index.ts";
import {
  NAS,
  settle,
  TempDirectory,
  TestCache,
  type TestFile,
  testFile,
} from "../../cache/fixture.ts";
import { indexOf } from "../index/index_memory.ts";
import { md5Of } from "./fixture.ts";

const BEFORE = testFile("old name");
/** The same bytes at another path. */
const RENAMED: TestFile = { ...testFile("new name"), bytes: BEFORE.bytes };
const MTIME_SEC = 5;

/** A file like another but for one byte in its middle. */
function edited(file: TestFile): TestFile {
  const bytes = file.bytes.slice();
  bytes[BLOCK_BYTES + 1] = (bytes[BLOCK_BYTES + 1] ?? 0) ^ 1;
  return { ...file, bytes };
}

/** Counts what is read of it; it may compute checksums. */
class Renaming extends MemoryOrigin {
  readBytes = 0;
  proof?: () => Promise<ContentProof | undefined>;
  /** Called before each read. */
  onRead: () => void = () => undefined;

  override async read(at: TestFile["path"], offset: number, into: Uint8Array, of?: ReadOptions) {
    this.onRead();
    const read = await super.read(at, offset, into, of);
    this.readBytes += read;
    return read;
  }
}

class Moving implements Disposable {
  readonly #directory = new TempDirectory();
  readonly test = new TestCache(this.#directory.path);
  readonly origin: Renaming;
  index: OpenIndex | undefined;
  isCached = true;

  constructor(capabilities: Partial<OriginCapabilities> = {}) {
    this.origin = new Renaming({ id: NAS, clock: this.test.clock, capabilities });
  }

  /** What the cache has of this length, with nothing in the tree. */
  lost(): readonly number[] {
    return this.test.cache.lost(() => false).get(BEFORE.sizeBytes) ?? [];
  }

  /** The origin has the file, and the cache nothing of it: does it get the bytes of what was lost? */
  async take(file: TestFile): Promise<boolean> {
    return await this.test.clock.run(movedFile(await this.held(file), this.lost(), this.ports));
  }

  /** The file as its origin has it from now on. */
  async held(file: TestFile): Promise<TestFile> {
    const options = { mtimeMs: MTIME_SEC * 1000 };
    this.origin.put(file.path, file.bytes, { ...options, sameToken: true });
    const { token } = await this.origin.stat(file.path);
    const [replica] = file.replicas();
    if (replica === undefined) throw new Error("nobody has it");
    const originVersion = { sizeBytes: file.sizeBytes, token };
    return { ...file, replicas: () => [{ ...replica, originVersion }] };
  }

  /** What a reader is given of the file as its origin has it. */
  async read(file: TestFile): Promise<Uint8Array | undefined> {
    return await this.test.read(await this.held(file));
  }

  get ports(): DeltaPorts {
    return {
      clock: this.test.clock,
      cache: this.test.cache,
      fetch: () => Promise.reject(new Error("nothing is to be fetched")),
      signal: new AbortController().signal,
      origin: async () => this.origin,
      index: async () => this.index,
      isCached: () => this.isCached,
      onDescribed: async () => undefined,
    };
  }

  [Symbol.dispose](): void {
    this.test[Symbol.dispose]();
    this.#directory[Symbol.dispose]();
  }
}

describe("a renamed file (S-4)", () => {
  /** On a server that computes checksums. */
  function onServer(file: TestFile): Moving {
    const moving = new Moving();
    moving.origin.proof = async () => md5Of(file.bytes);
    return moving;
  }

  test("has the bytes that were cached at its former path, also for who reads it already", async () => {
    using moving = onServer(RENAMED);
    await moving.test.keep(BEFORE);
    const renamed = await moving.held(RENAMED);
    using reader = moving.test.cache.open(renamed);
    await settle();
    expect(reader.isComplete).toBe(false);
    expect(await moving.take(RENAMED)).toBe(true);
    await settle();
    expect(reader.isComplete).toBe(true);
    expect(moving.test.cache.holding(renamed)).toBe("current");
    expect(await moving.test.read(renamed)).toEqual(BEFORE.bytes);
    expect(moving.origin.readBytes).toBe(0);
    // It is one content, not two, and it lies at its new path.
    const { files } = await moving.test.clock.run(moving.test.calls.stats());
    expect(files).toBe(1);
    expect(moving.test.cache.lost((path) => path === RENAMED.path)).toEqual(new Map());
  });

  test("takes the right one of several of its length, and none that differs in one byte", async () => {
    const other = testFile("other", { sizeBytes: BEFORE.sizeBytes });
    for (const onThisMachine of [false, true]) {
      using moving = new Moving({ onThisMachine });
      const changed = edited(RENAMED);
      const proving = (file: TestFile) => async () => md5Of(file.bytes);
      if (!onThisMachine) moving.origin.proof = proving(changed);
      await moving.test.keep(other);
      await moving.test.keep(BEFORE);
      expect(moving.lost()).toHaveLength(2);
      expect(await moving.take(changed)).toBe(false);
      expect(await moving.read(changed)).toBeUndefined();
      if (!onThisMachine) moving.origin.proof = proving(RENAMED);
      expect(await moving.take(RENAMED)).toBe(true);
      expect(await moving.read(RENAMED)).toEqual(BEFORE.bytes);
      expect(await moving.test.read(other)).toEqual(other.bytes);
    }
  });

  test("takes nothing that is there in part only, nor what is in the tree", async () => {
    using moving = onServer(RENAMED);
    await moving.test.keep(BEFORE, [0, 1]);
    expect(await moving.take(RENAMED)).toBe(false);
    expect(moving.test.cache.lost(() => true).size).toBe(0);
    expect(moving.test.cache.openVersions).toBe(0);
  });

  test("of a disk of this machine is read there, and nothing is fetched", async () => {
    using moving = new Moving({ onThisMachine: true });
    await moving.test.keep(BEFORE);
    expect(await moving.take(RENAMED)).toBe(true);
    expect(moving.origin.readBytes).toBe(RENAMED.sizeBytes);
    expect(await moving.read(RENAMED)).toEqual(BEFORE.bytes);
  });

  test("of a disk of this machine that is not cached is not read for that", async () => {
    using moving = new Moving({ onThisMachine: true });
    moving.isCached = false;
    await moving.test.keep(BEFORE);
    expect(await moving.take(RENAMED)).toBe(false);
    expect(moving.origin.readBytes).toBe(0);
  });

  test("that changes while it is compared gets nothing", async () => {
    using moving = new Moving({ onThisMachine: true });
    await moving.test.keep(BEFORE);
    moving.origin.onRead = () => moving.origin.edit(RENAMED.path, 0, edited(RENAMED).bytes);
    expect(await moving.take(RENAMED)).toBe(false);
  });

  test("on a share keeps nothing by size, time and samples", async () => {
    for (const strongTokens of [false, true]) {
      using moving = new Moving({ strongTokens });
      await moving.test.keep(BEFORE);
      expect(await moving.take(RENAMED)).toBe(false);
      expect(await moving.read(RENAMED)).toBeUndefined();
      expect(moving.origin.readBytes).toBe(0);
    }
  });

  test("on a share keeps its bytes where a trusted index knows them", async () => {
    for (const [isTrusted, mtimeSec, of, isMoved] of [
      [true, MTIME_SEC, RENAMED, true],
      [false, MTIME_SEC, RENAMED, false],
      [true, MTIME_SEC + 1, RENAMED, false],
      [true, MTIME_SEC, edited(RENAMED), false],
    ] as const) {
      using moving = new Moving({ strongTokens: false });
      moving.index = await indexOf(of, { isTrusted, mtimeSec });
      await moving.test.keep(BEFORE);
      expect(await moving.take(RENAMED)).toBe(isMoved);
      expect(await moving.read(RENAMED)).toEqual(isMoved ? BEFORE.bytes : undefined);
      expect(moving.origin.readBytes).toBe(0);
    }
  });
});
