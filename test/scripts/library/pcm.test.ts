import { describe, expect, test } from "bun:test";
import { makeWav } from "../../../scripts/library/pcm.ts";

describe("makeWav()", () => {
  test("writes a header that fits its samples", () => {
    const wav = makeWav(1, 0.5);
    expect(wav.length).toBe(44 + 88_200);
    expect(wav.toString("latin1", 0, 4)).toBe("RIFF");
    expect(wav.readUInt32LE(4)).toBe(wav.length - 8);
    expect(wav.readUInt32LE(24)).toBe(44_100);
    expect(wav.readUInt32LE(40)).toBe(88_200);
  });

  test("makes the same of the same seed and something else of another", () => {
    expect(makeWav(7, 0.1)).toEqual(makeWav(7, 0.1));
    expect(makeWav(7, 0.1)).not.toEqual(makeWav(8, 0.1));
  });

  test("is quiet nowhere and clips nowhere", () => {
    const wav = makeWav(3, 0.2, 1);
    const samples = new Int16Array(wav.buffer, wav.byteOffset + 44, (wav.length - 44) / 2);
    expect(Math.max(...samples)).toBeGreaterThan(20_000);
    expect(Math.max(...samples)).toBeLessThan(30_000);
  });
});
