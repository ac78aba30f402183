import { expect, test } from "bun:test";
import {
  blockAt,
  blockCount,
  blockLength,
  requireWholeBlocks,
} from "../../../src/core/cache/blocks.ts";
import { BLOCK_BYTES } from "../../../src/core/limits.ts";

test("blockCount() and blockLength() cover a file exactly", () => {
  const cases: [sizeBytes: number, lengths: number[]][] = [
    [0, []],
    [1, [1]],
    [BLOCK_BYTES, [BLOCK_BYTES]],
    [2 * BLOCK_BYTES + 5, [BLOCK_BYTES, BLOCK_BYTES, 5]],
  ];
  for (const [size, lengths] of cases) {
    expect(blockCount(size)).toBe(lengths.length);
    expect(lengths.map((_, block) => blockLength(block, size))).toEqual(lengths);
    expect(blockLength(lengths.length, size)).toBe(0);
  }
  // Past what 32 bits hold.
  expect(blockAt(2 ** 40 + 1)).toBe(2 ** 24);
});

test("requireWholeBlocks() takes blocks up to the end of the file and nothing else", () => {
  const size = 2 * BLOCK_BYTES + 5;
  for (const [offset, length] of [
    [0, BLOCK_BYTES],
    [BLOCK_BYTES, BLOCK_BYTES + 5],
    [0, size],
  ] as const) {
    expect(() => requireWholeBlocks(offset, length, size)).not.toThrow();
  }
  for (const [offset, length] of [
    [1, BLOCK_BYTES - 1],
    [0, BLOCK_BYTES - 1],
    [2 * BLOCK_BYTES, 4],
    [2 * BLOCK_BYTES, BLOCK_BYTES],
    [-BLOCK_BYTES, BLOCK_BYTES],
  ] as const) {
    expect(() => requireWholeBlocks(offset, length, size)).toThrow(RangeError);
  }
});
