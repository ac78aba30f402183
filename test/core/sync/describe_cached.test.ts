import { describe, expect, test } from "bun:test";
import type { CacheableFile } from "../../../src/core/cache/block_cache.ts";
import { treeFile } from "../../../src/core/cache/tree_files.ts";
import type { VersionContent } from "../../../src/core/catalog/catalog.ts";
import { DELTA_DEBOUNCE_MS } from "../../../src/core/limits.ts";
import { Description } from "../../../src/core/sync/chunks/describe.ts";
import { CachedDescriber } from "../../../src/core/sync/describe_cached.ts";
import { NAS, settle, TestCache, type TestFile, testFile } from "../cache/fixture.ts";
import { file as entry, origin, path, TestCatalog } from "../catalog/fixture.ts";

/** A catalog with `song`, a cache with nothing yet, and what is found out of it. */
class Describing implements AsyncDisposable {
  readonly catalog = new TestCatalog();
  readonly cache = new TestCache(this.catalog.directory.path);
  readonly found: number[] = [];
  readonly describer = new CachedDescriber({
    clock: this.cache.clock,
    catalog: this.catalog.reader,
    cache: this.cache.cache,
    onWarning: () => undefined,
    onDescribed: async (version, content) => {
      this.found.push(version);
      await this.catalog.store.setContent(version, content);
    },
  });

  static async of(sizeBytes?: number): Promise<Describing> {
    const describing = new Describing();
    const { sizeBytes: size } = testFile("song", sizeBytes === undefined ? {} : { sizeBytes });
    await describing.catalog.store.configureOrigins([origin(NAS, 0)]);
    await describing.catalog.list(NAS, "", [entry("song", size)]);
    return describing;
  }

  /** The song as the catalog has it, with bytes. */
  song(): TestFile {
    const file: CacheableFile | undefined = treeFile(this.catalog.reader, path("song"));
    if (file === undefined) throw new Error("there is no song");
    const { bytes } = testFile("song", { sizeBytes: file.sizeBytes });
    return { ...file, bytes, replicas: () => file.replicas() };
  }

  /** As a mount does it. */
  async noteWhole(): Promise<void> {
    for (const each of this.cache.whole.splice(0)) this.describer.note(each);
    await this.cache.clock.advance(DELTA_DEBOUNCE_MS);
    await this.cache.clock.run(this.describer.settled());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.describer[Symbol.asyncDispose]();
    this.cache[Symbol.dispose]();
    await this.catalog[Symbol.asyncDispose]();
  }
}

function contentOf(bytes: Uint8Array): VersionContent {
  const description = new Description();
  description.push(bytes);
  return description.finish();
}

describe("what a cached file consists of (S-4)", () => {
  test("is found out once all of it is there, and not before", async () => {
    await using at = await Describing.of();
    const song = at.song();
    await at.cache.keep(song, [0, 1, 3]);
    await at.noteWhole();
    expect(at.catalog.reader.content(song.version)).toBeUndefined();
    await at.cache.keep(song, [2]);
    expect(at.cache.whole).toEqual([song.path]);
    await at.noteWhole();
    const { md5, sha256, manifest } = contentOf(song.bytes);
    const found = at.catalog.reader.content(song.version);
    expect(found).toMatchObject({ md5, sha256 });
    expect(Buffer.from(found?.manifest ?? [])).toEqual(Buffer.from(manifest));
    await settle();
    expect(at.cache.cache.openVersions).toBe(0);
  });

  test("is found out once", async () => {
    await using at = await Describing.of();
    await at.cache.keep(at.song());
    await at.noteWhole();
    at.describer.note(at.song().path);
    await at.noteWhole();
    expect(at.found).toEqual([at.song().version]);
  });

  test("is of the version that is there as a whole, not of a newer one", async () => {
    await using at = await Describing.of();
    const { sizeBytes, version } = at.song();
    await at.cache.keep(at.song());
    await at.catalog.list(NAS, "", [entry("song", sizeBytes, { token: "newer" })]);
    expect(at.song().version).not.toBe(version);
    await at.noteWhole();
    expect(at.found).toEqual([]);
  });

  test("does not outlive the mount", async () => {
    await using at = await Describing.of(5_000_000);
    await at.cache.keep(at.song());
    at.describer.note(at.song().path);
    const running = at.describer.settled();
    const disposed = at.describer[Symbol.asyncDispose]();
    await at.cache.clock.run(Promise.all([running, disposed]));
    expect(at.found).toEqual([]);
    await settle();
    expect(at.cache.cache.openVersions).toBe(0);
  });
});
