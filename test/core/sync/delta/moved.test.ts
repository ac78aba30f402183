import { describe, expect, test } from "bun:test";
import { BLOCK_BYTES } from "../../../../src/core/limits.ts";
import { takeMoved } from "../../../../src/core/sync/delta/moved.ts";
import { settle, TempDirectory, TestCache, type TestFile, testFile } from "../../cache/fixture.ts";
import { md5Of } from "./fixture.ts";

const BEFORE = testFile("old name");
/** The same bytes at another path. */
const RENAMED: TestFile = { ...testFile("new name"), bytes: BEFORE.bytes };

class Moving implements Disposable {
  readonly #directory = new TempDirectory();
  test = new TestCache(this.#directory.path);

  /** What the cache has of this length, with nothing in the tree. */
  lost(): readonly number[] {
    return this.test.cache.lost(() => false).get(BEFORE.sizeBytes) ?? [];
  }

  take(file: TestFile): Promise<boolean> {
    const { cache, clock } = this.test;
    const breathe = () => Promise.resolve();
    return clock.run(takeMoved(file, md5Of(file.bytes), this.lost(), cache, breathe));
  }

  [Symbol.dispose](): void {
    this.test[Symbol.dispose]();
    this.#directory[Symbol.dispose]();
  }
}

describe("a renamed file (S-4)", () => {
  test("has the bytes that were cached at its former path, also for who reads it already", async () => {
    using moving = new Moving();
    await moving.test.keep(BEFORE);
    using reader = moving.test.cache.open(RENAMED);
    await settle();
    expect(reader.isComplete).toBe(false);
    expect(await moving.take(RENAMED)).toBe(true);
    await settle();
    expect(reader.isComplete).toBe(true);
    expect(moving.test.cache.holding(RENAMED)).toBe("current");
    expect(await moving.test.read(RENAMED)).toEqual(BEFORE.bytes);
    // It is one content, not two, and it lies at its new path.
    const { files } = await moving.test.clock.run(moving.test.calls.stats());
    expect(files).toBe(1);
    expect(moving.test.cache.lost((path) => path === RENAMED.path)).toEqual(new Map());
  });

  test("takes the right one of several of its length, and none that differs in one byte", async () => {
    using moving = new Moving();
    const other = testFile("other", { sizeBytes: BEFORE.sizeBytes });
    await moving.test.keep(other);
    await moving.test.keep(BEFORE);
    expect(moving.lost()).toHaveLength(2);
    const bytes = BEFORE.bytes.slice();
    bytes[BLOCK_BYTES + 1] = (bytes[BLOCK_BYTES + 1] ?? 0) ^ 1;
    expect(await moving.take({ ...RENAMED, bytes })).toBe(false);
    expect(moving.test.cache.holding(RENAMED)).toBe("none");
    expect(await moving.take(RENAMED)).toBe(true);
    expect(await moving.test.read(RENAMED)).toEqual(BEFORE.bytes);
    expect(await moving.test.read(other)).toEqual(other.bytes);
  });

  test("takes nothing that is there in part only, nor what is in the tree", async () => {
    using moving = new Moving();
    await moving.test.keep(BEFORE, [0, 1]);
    expect(await moving.take(RENAMED)).toBe(false);
    expect(moving.test.cache.lost(() => true).size).toBe(0);
    expect(moving.test.cache.openVersions).toBe(0);
  });
});
