import { describe, expect, test } from "bun:test";
import { manifestOf } from "../../../../src/core/sync/chunks/chunk_stream.ts";
import { decodeManifest, encodeManifest } from "../../../../src/core/sync/chunks/manifest.ts";
import { randomBytes } from "./random_bytes.ts";

const manifest = manifestOf(randomBytes(3, 900_000));

describe("a manifest", () => {
  test("comes back from its bytes as it was", () => {
    const back = decodeManifest(encodeManifest(manifest));
    expect(back.sizeBytes).toBe(900_000);
    expect(back.lengths).toEqual(manifest.lengths);
    expect(Buffer.compare(back.hashes, manifest.hashes)).toBe(0);
  });

  test("of an empty file comes back, too", () => {
    expect(decodeManifest(encodeManifest(manifestOf(new Uint8Array()))).lengths).toHaveLength(0);
  });

  test("is refused with every bit flipped and cut at every length", () => {
    const bytes = encodeManifest(manifestOf(randomBytes(4, 40_000)));
    for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => decodeManifest(flipped)).toThrow(/manifest/);
    }
    for (let length = 0; length < bytes.byteLength; length++) {
      expect(() => decodeManifest(bytes.subarray(0, length))).toThrow(/manifest/);
    }
  });

  test("of a newer layout is refused by name", () => {
    const bytes = encodeManifest(manifest);
    bytes[4] = 9;
    expect(() => decodeManifest(bytes)).toThrow("the manifest has version 9, not 1");
  });
});
