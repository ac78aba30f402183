import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  fingerprint,
  fingerprintRegions,
  type Region,
  wholeSha256,
} from "../../../src/core/federation/fingerprint.ts";
import { someBytes } from "./setting.ts";

const KIB = 1024;

/** A reader of `content` that notes what it was asked. */
function readerOf(content: Uint8Array, asked: Region[] = []) {
  return async (region: Region) => {
    asked.push(region);
    return content.slice(region.offsetBytes, region.offsetBytes + region.lengthBytes);
  };
}

describe("fingerprintRegions", () => {
  test("of small files is all of it", () => {
    expect(fingerprintRegions(0)).toEqual([]);
    for (const size of [1, 64 * KIB, 192 * KIB]) {
      expect(fingerprintRegions(size)).toEqual([{ offsetBytes: 0, lengthBytes: size }]);
    }
  });

  test("of larger files is both edges and four samples at fixed relative places", () => {
    const size = 16 * KIB + 5_000_000;
    expect(fingerprintRegions(size)).toEqual([
      { offsetBytes: 0, lengthBytes: 64 * KIB },
      { offsetBytes: 1_000_000, lengthBytes: 16 * KIB },
      { offsetBytes: 2_000_000, lengthBytes: 16 * KIB },
      { offsetBytes: 3_000_000, lengthBytes: 16 * KIB },
      { offsetBytes: 4_000_000, lengthBytes: 16 * KIB },
      { offsetBytes: size - 64 * KIB, lengthBytes: 64 * KIB },
    ]);
  });

  test("never leaves the file, at any size around the limits or beyond 4 GiB", () => {
    const sizes = [192 * KIB + 1, 192 * KIB + 2, 200_000, 5 * 2 ** 32 + 3, Number.MAX_SAFE_INTEGER];
    for (const size of sizes) {
      for (const { offsetBytes, lengthBytes } of fingerprintRegions(size)) {
        expect(Number.isSafeInteger(offsetBytes) && offsetBytes >= 0).toBe(true);
        expect(offsetBytes + lengthBytes).toBeLessThanOrEqual(size);
      }
    }
  });
});

describe("fingerprint", () => {
  test("is SHA-256 over the size and the regions, computed here by other means", async () => {
    const content = someBytes(300_001);
    const expected = createHash("sha256").update(Buffer.from("00000000000493e1", "hex"));
    for (const { offsetBytes, lengthBytes } of fingerprintRegions(content.byteLength)) {
      expected.update(content.subarray(offsetBytes, offsetBytes + lengthBytes));
    }
    expect(await fingerprint(content.byteLength, readerOf(content))).toBe(expected.digest("hex"));
  });

  test("stays what it was when catalogs were written with it", async () => {
    expect(await fingerprint(0, readerOf(new Uint8Array(0)))).toBe(
      "af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc",
    );
    const abc = Buffer.from("abc");
    const whole = createHash("sha256").update("\0\0\0\0\0\0\0\u0003abc").digest("hex");
    expect(await fingerprint(3, readerOf(abc))).toBe(whole);
  });

  test("tells edits at either end and within a sample, and sizes", async () => {
    const content = someBytes(1_000_000);
    const all = new Set([await fingerprint(1_000_000, readerOf(content))]);
    for (const { offsetBytes, lengthBytes } of fingerprintRegions(1_000_000)) {
      const edited = content.slice();
      const at = offsetBytes + lengthBytes - 1;
      edited[at] = (edited[at] ?? 0) ^ 0x80;
      all.add(await fingerprint(1_000_000, readerOf(edited)));
    }
    all.add(await fingerprint(999_999, readerOf(content.slice(0, 999_999))));
    expect(all.size).toBe(8);
  });
});

describe("wholeSha256", () => {
  test("is the hash of all bytes, read in slices of 256 KiB", async () => {
    const content = someBytes(600_000);
    const asked: Region[] = [];
    expect(await wholeSha256(content.byteLength, readerOf(content, asked))).toBe(
      createHash("sha256").update(content).digest("hex"),
    );
    expect(asked.map(({ lengthBytes }) => lengthBytes)).toEqual([262_144, 262_144, 75_712]);
  });
});
