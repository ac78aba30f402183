import { describe, expect, test } from "bun:test";
import { FetchSize } from "../../../src/core/cache/fetch_size.ts";
import {
  FETCH_BYTES,
  FETCH_QUICK_MS,
  FETCH_SLOW_MS,
  READAHEAD_FETCH_BYTES,
} from "../../../src/core/limits.ts";

describe("FetchSize", () => {
  test("grows while requests are answered quickly, up to its bound", () => {
    const size = new FetchSize();
    const grown = Array.from({ length: 4 }, () => {
      const { bytes } = size;
      size.note(bytes, FETCH_QUICK_MS);
      return bytes;
    });
    expect(grown).toEqual([FETCH_BYTES, 2 * FETCH_BYTES, 4 * FETCH_BYTES, READAHEAD_FETCH_BYTES]);
  });

  test("shrinks again when requests take long, and never below where it began", () => {
    const size = new FetchSize();
    for (let i = 0; i < 4; i++) size.note(size.bytes, 0);
    size.note(size.bytes, FETCH_SLOW_MS);
    expect(size.bytes).toBe(READAHEAD_FETCH_BYTES);
    for (let i = 0; i < 4; i++) size.note(size.bytes, FETCH_SLOW_MS + 1);
    expect(size.bytes).toBe(FETCH_BYTES);
  });

  test("learns nothing from requests that were shorter", () => {
    const size = new FetchSize();
    size.note(FETCH_BYTES - 1, 0);
    expect(size.bytes).toBe(FETCH_BYTES);
  });
});
