import { describe, expect, test } from "bun:test";
import { manifestOf } from "../../../../src/core/sync/chunks/chunk_stream.ts";
import { bytesToFetch, diffManifests } from "../../../../src/core/sync/chunks/manifest_diff.ts";
import { random, randomBytes } from "./random_bytes.ts";

function rebuild(old: Uint8Array, next: Uint8Array): { bytes: Buffer; fetched: number } {
  const stretches = diffManifests(manifestOf(old), manifestOf(next));
  const parts = stretches.map(({ offsetBytes, lengthBytes, oldOffsetBytes }) =>
    oldOffsetBytes === undefined
      ? next.subarray(offsetBytes, offsetBytes + lengthBytes)
      : old.subarray(oldOffsetBytes, oldOffsetBytes + lengthBytes),
  );
  return { bytes: Buffer.concat(parts), fetched: bytesToFetch(stretches) };
}

describe("diffManifests", () => {
  const old = randomBytes(5, 4_000_000);

  test("takes an unchanged file whole, in one stretch", () => {
    const manifest = manifestOf(old);
    expect(diffManifests(manifest, manifest)).toEqual([
      { offsetBytes: 0, lengthBytes: 4_000_000, oldOffsetBytes: 0 },
    ]);
  });

  test("fetches a stranger whole, in one stretch", () => {
    const stranger = manifestOf(randomBytes(6, 100_000));
    expect(diffManifests(manifestOf(old), stranger)).toEqual([
      { offsetBytes: 0, lengthBytes: 100_000, oldOffsetBytes: undefined },
    ]);
  });

  test("S-4 rebuilds edits anywhere from few bytes", () => {
    const next = random(21);
    for (let round = 0; round < 20; round++) {
      const at = Math.floor(next() * old.byteLength);
      const removed = Math.floor(next() * 5000);
      const edited = Buffer.concat([
        old.subarray(0, at),
        randomBytes(round, Math.floor(next() * 5000)),
        old.subarray(at + removed),
      ]);
      const { bytes, fetched } = rebuild(old, edited);
      expect(bytes.equals(edited)).toBe(true);
      expect(fetched).toBeLessThan(600_000);
    }
  });

  test("follows repeated chunks where they continue", () => {
    const zeros = Buffer.concat([old.subarray(0, 500_000), Buffer.alloc(2_000_000)]);
    expect(rebuild(zeros, zeros).bytes.equals(zeros)).toBe(true);
    expect(diffManifests(manifestOf(zeros), manifestOf(zeros))).toHaveLength(1);
  });
});
