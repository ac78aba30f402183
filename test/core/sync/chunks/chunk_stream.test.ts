import { describe, expect, test } from "bun:test";
import { ChunkStream, manifestOf } from "../../../../src/core/sync/chunks/chunk_stream.ts";
import { GEAR } from "../../../../src/core/sync/chunks/gear.ts";
import { chunkHash } from "../../../../src/core/sync/chunks/manifest.ts";
import { plainCuts } from "./plain_cdc.ts";
import { random, randomBytes } from "./random_bytes.ts";

function inPortions(data: Uint8Array, portion: () => number) {
  const chunks = new ChunkStream();
  for (let at = 0; at < data.byteLength; ) {
    const end = Math.min(data.byteLength, at + portion());
    chunks.push(data.subarray(at, end));
    at = end;
  }
  return chunks.finish();
}

describe("ChunkStream", () => {
  test("cuts as the paper's formula does, whatever the bytes", () => {
    const zeros = new Uint8Array(1_000_000);
    const periodic = Uint8Array.from({ length: 1_500_000 }, (_, at) => at % 251);
    for (const data of [randomBytes(7, 5_000_000), zeros, periodic, randomBytes(8, 16_385)]) {
      expect(Array.from(manifestOf(data).lengths)).toEqual(plainCuts(data));
    }
  });

  test("cuts the same in portions of every size", () => {
    const data = randomBytes(11, 1_500_000);
    const whole = manifestOf(data);
    const next = random(12);
    for (const portion of [
      () => 1 + Math.floor(next() * 70_000),
      () => 65_536,
      () => 65_537,
      () => 4095,
      () => 1 + Math.floor(next() * 3),
    ]) {
      const manifest = inPortions(data, portion);
      expect(manifest.lengths).toEqual(whole.lengths);
      expect(Buffer.compare(manifest.hashes, whole.hashes)).toBe(0);
    }
  });

  test("hashes each chunk with SHA-256", () => {
    const data = randomBytes(13, 300_000);
    const manifest = manifestOf(data);
    let at = 0;
    manifest.lengths.forEach((length, chunk) => {
      const hash = new Bun.CryptoHasher("sha256").update(data.subarray(at, at + length)).digest();
      expect(chunkHash(manifest, chunk)).toBe(hash.toString("latin1"));
      at += length;
    });
    expect(at).toBe(data.byteLength);
  });

  test("keeps to 16 and 256 KiB, and near 64 KiB on the average", () => {
    const { lengths } = manifestOf(randomBytes(17, 32_000_000));
    for (const length of lengths.subarray(0, -1)) {
      expect(length).toBeGreaterThan(16 * 1024);
      expect(length).toBeLessThanOrEqual(256 * 1024);
    }
    const mean = 32_000_000 / lengths.length;
    expect(mean).toBeGreaterThan(56 * 1024);
    expect(mean).toBeLessThan(80 * 1024);
  });

  test("keeps all but a few chunks when bytes are put in", () => {
    const before = randomBytes(19, 8_000_000);
    const after = Buffer.concat([
      before.subarray(0, 3_000_000),
      randomBytes(20, 777),
      before.subarray(3_000_000),
    ]);
    const manifest = manifestOf(before);
    const known = new Set(Array.from(manifest.lengths, (_, chunk) => chunkHash(manifest, chunk)));
    const changed = manifestOf(after);
    const fresh = changed.lengths.filter((_, chunk) => !known.has(chunkHash(changed, chunk)));
    expect(fresh.reduce((sum, length) => sum + length, 0)).toBeLessThan(300_000);
  });

  test("no bytes have no chunks", () => {
    expect(new ChunkStream().finish()).toEqual({
      sizeBytes: 0,
      lengths: new Uint32Array(),
      hashes: Buffer.alloc(0),
    });
  });

  // A manifest outlives the program that wrote it: these change only with MANIFEST_VERSION.
  test("golden vectors", () => {
    expect(Array.from(GEAR.subarray(0, 4))).toEqual(GOLDEN_GEAR);
    const manifest = manifestOf(randomBytes(1, 1_000_000));
    expect(Array.from(manifest.lengths)).toEqual(GOLDEN_LENGTHS);
    expect(Buffer.from(manifest.hashes).subarray(0, 8).toString("hex")).toBe(GOLDEN_HASH);
  });
});

const GOLDEN_GEAR = [3444370852, 1270362657, 2162870598, 3143320307];
const GOLDEN_LENGTHS = [
  77219, 63046, 74522, 34960, 115622, 21213, 85652, 79921, 78218, 70120, 17278, 160082, 17285,
  42189, 62673,
];
const GOLDEN_HASH = "99e20dc055c0a8f9";
