import { describe, expect, test } from "bun:test";
import { FetchSize } from "../../../src/core/cache/fetch_size.ts";
import {
  FETCH_BYTES,
  FETCH_QUICK_MS,
  FETCH_SLOW_MS,
  READAHEAD_FETCH_BYTES,
  READAHEAD_MAX_BYTES,
} from "../../../src/core/limits.ts";

const WHOLE = READAHEAD_MAX_BYTES;

describe("FetchSize", () => {
  test("grows with the window, within its bounds", () => {
    const size = new FetchSize();
    const windows = [FETCH_BYTES, WHOLE / 8, WHOLE / 2, WHOLE, 2 * WHOLE];
    expect(windows.map((bytes) => size.within(bytes))).toEqual([
      ...[FETCH_BYTES, FETCH_BYTES, READAHEAD_FETCH_BYTES / 2],
      ...[READAHEAD_FETCH_BYTES, READAHEAD_FETCH_BYTES],
    ]);
  });

  test("shrinks when requests take long, and never below where it began", () => {
    const size = new FetchSize();
    size.note(READAHEAD_FETCH_BYTES, FETCH_SLOW_MS);
    expect(size.within(WHOLE)).toBe(READAHEAD_FETCH_BYTES);
    size.note(READAHEAD_FETCH_BYTES, FETCH_SLOW_MS + 1);
    expect(size.within(WHOLE)).toBe(READAHEAD_FETCH_BYTES / 2);
    for (let i = 0; i < 4; i++) size.note(1, FETCH_SLOW_MS + 1);
    expect(size.within(WHOLE)).toBe(FETCH_BYTES);
  });

  test("grows again when requests of its length are answered quickly, and learns nothing of shorter ones", () => {
    const size = new FetchSize();
    for (let i = 0; i < 4; i++) size.note(FETCH_BYTES, FETCH_SLOW_MS + 1);
    size.note(FETCH_BYTES - 1, 0);
    expect(size.within(WHOLE)).toBe(FETCH_BYTES);
    size.note(FETCH_BYTES, FETCH_QUICK_MS);
    expect(size.within(WHOLE)).toBe(2 * FETCH_BYTES);
    size.note(2 * FETCH_BYTES, FETCH_QUICK_MS + 1);
    expect(size.within(WHOLE)).toBe(2 * FETCH_BYTES);
  });
});
