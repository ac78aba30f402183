/**
 * Every call to the cache's disk and every statement of its index fails in turn. Whatever fails: no
 * read and no `keep` fails, no wrong byte is served, nothing leaks, and once the disk works again so
 * does the cache.
 */

import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import { pathFromText } from "../../src/core/bytes.ts";
import type { CacheDisk } from "../../src/core/cache/data_files.ts";
import { messageOf } from "../../src/core/errors.ts";
import { BLOCK_BYTES, CACHE_RETRY_MS } from "../../src/core/limits.ts";
import {
  type CacheOptions,
  settle,
  TempDirectory,
  TestCache,
  type TestFile,
  testFile,
} from "../core/cache/fixture.ts";
import { failingStatements, SQLITE_FAULTS } from "./failing_sqlite.ts";
import { LONG_TEST_MS, tryPoints } from "./points.ts";
import type { Strikes } from "./strikes.ts";

const DISK_FAULTS = [{ name: "EIO" }, { name: "ENOSPC" }, { name: "EROFS" }];

const SIZE = 3 * BLOCK_BYTES + 17;
/** Two of the three files have room. */
const BUDGET_BYTES = 2.5 * SIZE;
const FILES = ["1", "2", "3"].map((name) => testFile(`a/${name}.flac`, { sizeBytes: SIZE }));

function failingDisk({ name: code }: { readonly name: string }, strikes: Strikes): CacheDisk {
  return new Proxy(fs as CacheDisk, {
    get(target, name: keyof CacheDisk) {
      const original = target[name] as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        // close(2) always releases the descriptor.
        if (name !== "closeSync" && strikes.next(name)) {
          throw Object.assign(new Error(`${code}: ${name}`), { code });
        }
        return original.apply(target, args);
      };
    },
  });
}

/** What went wrong in the story of one cache on two mounts. */
async function tell(options: CacheOptions, strikes: Strikes): Promise<readonly string[]> {
  using directory = new TempDirectory();
  const wrong: string[] = [];
  const descriptors = openDescriptors();
  {
    using t = new TestCache(directory.path, { budgetBytes: BUDGET_BYTES, ...options });
    await settle();
    for (const file of FILES) await t.keep(file);
    await t.calls.pin([pathFromText("a")]).catch(isCacheError);
    await t.calls.unpin([pathFromText("a")]).catch(isCacheError);
    await t.clock.advance(100);
    for (const file of FILES) await expectTrue(t, file, wrong);
    await t.clock.run(t.calls.verify({ paths: [], repair: true })).catch(isCacheError);
    strikes.lift();
    await expectWorking(t, wrong);
  }
  const leaked = openDescriptors() - descriptors;
  if (leaked !== 0) wrong.push(`${leaked} descriptors were left open`);
  using t = new TestCache(directory.path, { budgetBytes: BUDGET_BYTES });
  await settle();
  for (const file of FILES) await expectTrue(t, file, wrong);
  await expectWorking(t, wrong);
  return wrong;
}

/** What is served of the file is right. */
async function expectTrue(t: TestCache, file: TestFile, wrong: string[]): Promise<void> {
  const bytes = await t.read(file);
  if (bytes !== undefined && Buffer.compare(bytes, file.bytes) !== 0) {
    wrong.push(`wrong bytes of ${file.path}`);
  }
}

async function expectWorking(t: TestCache, wrong: string[]): Promise<void> {
  await t.clock.advance(CACHE_RETRY_MS + 1);
  if (t.cache.state.status !== "ok") wrong.push(`still degraded: ${t.cache.state.reason}`);
  // What could not be unpinned is, and leaves no room for the others.
  await t.calls.unpin([pathFromText("a")]).catch(isCacheError);
  for (const file of FILES) {
    await t.keep(file);
    if ((await t.read(file)) === undefined) wrong.push(`${file.path} was not kept`);
    await expectTrue(t, file, wrong);
  }
  try {
    const { bad } = await t.clock.run(t.calls.verify({ paths: [], repair: false }));
    if (bad.length > 0) wrong.push(`bad blocks: ${JSON.stringify(bad)}`);
    const { usedBytes } = await t.calls.stats();
    if (usedBytes > BUDGET_BYTES) wrong.push(`${usedBytes} bytes are more than the budget`);
  } catch (error) {
    wrong.push(messageOf(error));
  }
}

function isCacheError(error: unknown): void {
  expect(error).toMatchObject({ code: "cache" });
}

function openDescriptors(): number {
  return fs.readdirSync("/proc/self/fd").length;
}

describe("a call to the cache's disk that fails", () => {
  test.each(DISK_FAULTS)(
    "with $name costs cached bytes and nothing else, whichever it is",
    async (fault) => {
      const { stories, failures } = await tryPoints({
        faults: [fault],
        stride: 8,
        tell: (_, strikes) => tell({ disk: failingDisk(fault, strikes) }, strikes),
      });
      expect(failures).toEqual([]);
      expect(stories).toBeGreaterThan(10);
    },
    LONG_TEST_MS,
  );
});

describe("a statement of the cache's index that fails", () => {
  test.each(SQLITE_FAULTS)(
    "with $name costs cached bytes and nothing else, whichever it is",
    async (fault) => {
      const { stories, failures } = await tryPoints({
        faults: [fault],
        stride: 16,
        tell: (_, strikes) => tell({ before: failingStatements(fault, strikes) }, strikes),
      });
      expect(failures).toEqual([]);
      expect(stories).toBeGreaterThan(10);
    },
    LONG_TEST_MS,
  );
});
