import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { VersionContent } from "../../../../src/core/catalog/catalog.ts";
import type { FetchFile } from "../../../../src/core/federation/file.ts";
import { BLOCK_BYTES } from "../../../../src/core/limits.ts";
import type { ContentProof, Origin } from "../../../../src/core/origins/origin.ts";
import { manifestOf } from "../../../../src/core/sync/chunks/chunk_stream.ts";
import { encodeManifest } from "../../../../src/core/sync/chunks/manifest.ts";
import { deltaFile, methodFor } from "../../../../src/core/sync/delta/delta_file.ts";
import type { OpenIndex } from "../../../../src/core/sync/index/origin_index.ts";
import { PublishedIndex } from "../../../../src/core/sync/index/published_index.ts";
import {
  CLOUD,
  NAS,
  TempDirectory,
  TestCache,
  type TestFile,
  testFile,
} from "../../cache/fixture.ts";
import { indexOf } from "../index/index_memory.ts";
import { md5Of, noise } from "./fixture.ts";

const SIZE = 40 * BLOCK_BYTES + 17;
const BEFORE = testFile("song", { sizeBytes: SIZE, token: "1" });

/** The next version of the song, with these bytes. */
function changed(bytes: Uint8Array): TestFile {
  const file = testFile("song", { sizeBytes: bytes.byteLength, token: "2" });
  return { ...file, bytes: new Uint8Array(bytes) };
}

const RETAGGED = changed(Buffer.concat([noise(1, 3000), BEFORE.bytes.subarray(200)]));

class Delta implements Disposable {
  readonly #directory = new TempDirectory();
  readonly test = new TestCache(this.#directory.path);
  abort = new AbortController();
  /** Bytes that the origin has sent. */
  sentBytes = 0;
  proof: ContentProof | undefined;
  index: OpenIndex | undefined;
  mtimeSec = 5;
  readonly described = new Map<number, VersionContent>();
  /** Called before each read of the origin. */
  onRead: (offsetBytes: number) => void = () => undefined;

  constructor(readonly served: TestFile) {
    this.proof = md5Of(served.bytes);
  }

  static async holding(before: TestFile, served: TestFile): Promise<Delta> {
    const delta = new Delta(served);
    await delta.test.keep(before);
    return delta;
  }

  get ports() {
    const { sizeBytes } = this.served;
    const [replica] = this.served.replicas();
    const token = replica?.originVersion.token;
    const origin = {
      proof: async () => this.proof,
      stat: async () => ({ sizeBytes, token, mtimeSec: this.mtimeSec }),
    };
    return {
      clock: this.test.clock,
      cache: this.test.cache,
      fetch: this.#fetch,
      signal: this.abort.signal,
      origin: async () => origin as unknown as Origin,
      index: async () => this.index,
      isCached: () => true,
      onDescribed: async (version: number, content: VersionContent) =>
        void this.described.set(version, content),
    };
  }

  readonly #fetch: FetchFile = async (_file, offsetBytes, into) => {
    this.onRead(offsetBytes);
    const bytes = this.served.bytes.subarray(offsetBytes, offsetBytes + into.byteLength);
    into.set(bytes);
    this.sentBytes += bytes.byteLength;
    return {
      bytesRead: bytes.byteLength,
      origin: NAS,
      failures: 0,
      hedged: false,
      proved: true,
    };
  };

  run() {
    return this.test.clock.run(deltaFile(this.served, this.ports));
  }

  /** Changes a byte of the only file in the cache behind its back. */
  damageBlock(block: number): void {
    const root = join(this.#directory.path, "content");
    const [file = ""] = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
      /^data-[^/]+\/[0-9a-f]{2}\/\d+$/.test(name),
    );
    const bytes = readFileSync(join(root, file));
    bytes.writeUInt8(bytes.readUInt8(block * BLOCK_BYTES) ^ 1, block * BLOCK_BYTES);
    writeFileSync(join(root, file), bytes);
  }

  [Symbol.dispose](): void {
    this.test[Symbol.dispose]();
    this.#directory[Symbol.dispose]();
  }
}

describe("delta sync of a cached file", () => {
  test("splices the new version in place of the old one", async () => {
    using delta = await Delta.holding(BEFORE, RETAGGED);
    expect(delta.test.cache.holding(RETAGGED)).toBe("former");
    expect(await methodFor(RETAGGED, delta.ports)).toBe("splice");
    const done = await delta.run();
    expect(done).toEqual({ method: "splice", fetchedBytes: delta.sentBytes });
    expect(delta.sentBytes).toBeLessThan(32 * 1024);
    expect(delta.test.cache.holding(RETAGGED)).toBe("current");
    expect(await delta.test.read(RETAGGED)).toEqual(RETAGGED.bytes);
    const { md5 = "", manifest } = delta.described.get(RETAGGED.version) ?? {};
    expect(md5Of(RETAGGED.bytes)).toEqual({ kind: "md5", hex: md5 });
    expect(manifest).toEqual(encodeManifest(manifestOf(RETAGGED.bytes)));
    await delta.test.clock.advance(10);
    expect(await delta.test.calls.stats()).toMatchObject({ files: 1, completeFiles: 1 });
    expect(await delta.test.read(BEFORE)).toBeUndefined();
  });

  test("leaves the old version where another file or replica has the same bytes", async () => {
    const shared = testFile("song", { sizeBytes: SIZE, token: "1", origins: [NAS, CLOUD] });
    using delta = await Delta.holding(shared, RETAGGED);
    expect((await delta.run()).method).toBe("splice");
    await delta.test.clock.advance(10);
    expect(await delta.test.calls.stats()).toMatchObject({ files: 2, completeFiles: 2 });
    expect(await delta.test.read(shared)).toEqual(shared.bytes);
  });

  test("leaves the old version to who reads it, until it is closed", async () => {
    using delta = await Delta.holding(BEFORE, RETAGGED);
    using reader = delta.test.cache.open(BEFORE);
    await delta.run();
    const into = new Uint8Array(BEFORE.sizeBytes);
    expect(await reader.read(0, into)).toBe(BEFORE.sizeBytes);
    expect(into).toEqual(BEFORE.bytes);
    expect(await delta.test.read(RETAGGED)).toEqual(RETAGGED.bytes);
  });

  test("fetches the whole where nothing can be proved, and where proofs are wrong", async () => {
    for (const proof of [undefined, md5Of(noise(5, 10))]) {
      using delta = await Delta.holding(BEFORE, RETAGGED);
      delta.proof = proof;
      const done = await delta.run();
      expect(done).toMatchObject({ method: "whole", fetchedBytes: delta.sentBytes });
      expect(done.reason).toBeDefined();
      expect(await delta.test.read(RETAGGED)).toEqual(RETAGGED.bytes);
    }
  });

  test("never misses one byte of equal size", async () => {
    const bytes = Buffer.from(BEFORE.bytes);
    bytes.writeUInt8(bytes.readUInt8(1_300_000) ^ 1, 1_300_000);
    const edited = changed(bytes);
    using delta = await Delta.holding(BEFORE, edited);
    expect((await delta.run()).method).toBe("whole");
    expect(await delta.test.read(edited)).toEqual(edited.bytes);
  });

  test("fetches the whole of a file of which nothing older is cached", async () => {
    using delta = new Delta(RETAGGED);
    await delta.test.clock.advance(10);
    expect(await methodFor(RETAGGED, delta.ports)).toBe("whole");
    expect(await delta.run()).toMatchObject({ method: "whole", fetchedBytes: SIZE + 2800 });
  });

  test("does not build on an old version that is damaged on disk", async () => {
    using delta = await Delta.holding(BEFORE, RETAGGED);
    delta.onRead = () => {
      delta.onRead = () => undefined;
      delta.damageBlock(20);
    };
    expect((await delta.run()).method).toBe("whole");
    expect(await delta.test.read(RETAGGED)).toEqual(RETAGGED.bytes);
  });

  test("keeps nothing when it is cancelled before the proof, and completes the next time", async () => {
    using delta = await Delta.holding(BEFORE, RETAGGED);
    delta.onRead = () => delta.abort.abort("enough");
    await expect(delta.run()).rejects.toBeDefined();
    expect(delta.test.cache.holding(RETAGGED)).toBe("former");
    expect(await delta.test.read(BEFORE)).toEqual(BEFORE.bytes);
    delta.onRead = () => undefined;
    delta.abort = new AbortController();
    expect((await delta.run()).method).toBe("splice");
    expect(await delta.test.read(RETAGGED)).toEqual(RETAGGED.bytes);
  });

  /** Changed in many places, as no tagger does: splicing gives up. */
  const scattered = (() => {
    const bytes = Buffer.from(BEFORE.bytes);
    for (const at of [500_000, 1_300_000]) noise(at, 3000).copy(bytes, at);
    return changed(bytes);
  })();

  test("fetches the chunks that changed where an index tells them", async () => {
    using delta = await Delta.holding(BEFORE, scattered);
    delta.index = await indexOf(scattered);
    const done = await delta.run();
    expect(done).toEqual({ method: "index", fetchedBytes: delta.sentBytes });
    expect(delta.sentBytes).toBeLessThan(SIZE / 2);
    expect(await delta.test.read(scattered)).toEqual(scattered.bytes);
  });

  test("takes no notice of an index of another version, or of none", async () => {
    const empty = { get: async () => new Uint8Array() };
    const broken = { ...(await indexOf(BEFORE)), index: new PublishedIndex(empty) };
    for (const index of [await indexOf(BEFORE), broken]) {
      using delta = await Delta.holding(BEFORE, scattered);
      delta.index = index;
      expect((await delta.run()).method).toBe("whole");
      expect(await delta.test.read(scattered)).toEqual(scattered.bytes);
    }
  });

  test("believes an index without a proof only where it is trusted, and its mtime fits", async () => {
    for (const [isTrusted, mtimeSec, method] of [
      [false, 5, "whole"],
      [true, 6, "whole"],
      [true, 5, "index"],
    ] as const) {
      using delta = await Delta.holding(BEFORE, scattered);
      delta.proof = undefined;
      delta.mtimeSec = mtimeSec;
      delta.index = await indexOf(scattered, { isTrusted });
      expect((await delta.run()).method).toBe(method);
      expect(await delta.test.read(scattered)).toEqual(scattered.bytes);
    }
  });

  test("never keeps what a trusted index has wrong", async () => {
    using delta = await Delta.holding(BEFORE, scattered);
    delta.proof = undefined;
    const lie = changed(Buffer.from(scattered.bytes).fill(7, 900_000, 900_100));
    delta.index = await indexOf(lie, { isTrusted: true });
    expect((await delta.run()).method).toBe("whole");
    expect(await delta.test.read(scattered)).toEqual(scattered.bytes);
  });
});
