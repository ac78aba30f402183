import { describe, expect, test } from "bun:test";
import type { ContentProof } from "../../../../src/core/origins/origin.ts";
import { verdictOn } from "../../../../src/core/sync/delta/proof.ts";
import { noise } from "./fixture.ts";

const BYTES = noise(1, 100_000);

function holds(proof: ContentProof, bytes: Uint8Array, portion: number): boolean {
  const verdict = verdictOn(proof);
  for (let at = 0; at < bytes.byteLength; at += portion) {
    verdict.push(bytes.subarray(at, at + portion));
  }
  return verdict.holds();
}

/** The ETag of an upload in parts: the MD5 of their MD5s. */
function partsHex(bytes: Uint8Array, partBytes: number): string {
  const whole = new Bun.CryptoHasher("md5");
  for (let at = 0; at < bytes.byteLength; at += partBytes) {
    const part = bytes.subarray(at, at + partBytes);
    whole.update(new Bun.CryptoHasher("md5").update(part).digest());
  }
  return whole.digest("hex");
}

describe("a verdict", () => {
  test("holds for the proved bytes only, in whatever portions they come", () => {
    const hex = new Bun.CryptoHasher("sha256").update(BYTES).digest("hex");
    for (const portion of [1, 4096, 65_537, 200_000]) {
      expect(holds({ kind: "sha256", hex }, BYTES, portion)).toBe(true);
      expect(holds({ kind: "sha256", hex }, BYTES.subarray(1), portion)).toBe(false);
    }
  });

  test("tries every length that the parts of an upload may have", () => {
    const hex = partsHex(BYTES, 30_000);
    for (const portion of [1000, 30_000, 70_000]) {
      expect(holds({ kind: "parts", hex, partBytes: [25_001, 30_000] }, BYTES, portion)).toBe(true);
      expect(holds({ kind: "parts", hex, partBytes: [25_001] }, BYTES, portion)).toBe(false);
      expect(holds({ kind: "parts", hex, partBytes: [] }, BYTES, portion)).toBe(false);
    }
  });

  test("takes parts that end with the file", () => {
    const hex = partsHex(BYTES, 50_000);
    expect(holds({ kind: "parts", hex, partBytes: [50_000] }, BYTES, 7777)).toBe(true);
  });
});
