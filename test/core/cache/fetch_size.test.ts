import { describe, expect, test } from "bun:test";
import { FetchSize } from "../../../src/core/cache/fetch_size.ts";
import {
  FETCH_BYTES,
  FETCH_QUICK_MS,
  FETCH_SLOW_MS,
  READAHEAD_FETCH_BYTES,
  READAHEAD_FIRST_FETCH_BYTES,
  READAHEAD_MAX_BYTES,
  READAHEAD_WARY_BYTES,
} from "../../../src/core/limits.ts";

const WHOLE = READAHEAD_MAX_BYTES;

/** Where every request of the longest kind was answered quickly so far. */
function quick(): FetchSize {
  const size = new FetchSize();
  for (let i = 0; i < 8; i++) size.note(READAHEAD_FETCH_BYTES, FETCH_QUICK_MS);
  return size;
}

describe("FetchSize", () => {
  test("grows with the window, within its bounds", () => {
    const windows = [FETCH_BYTES, WHOLE / 16, WHOLE / 2, WHOLE, 2 * WHOLE];
    const sizesOf = (size: FetchSize) => windows.map((bytes) => size.within(bytes));
    expect(sizesOf(quick())).toEqual([
      ...[FETCH_BYTES, FETCH_BYTES, READAHEAD_FETCH_BYTES / 2],
      ...[READAHEAD_FETCH_BYTES, READAHEAD_FETCH_BYTES],
    ]);
    const first = READAHEAD_FIRST_FETCH_BYTES;
    expect(sizesOf(new FetchSize())).toEqual([FETCH_BYTES, FETCH_BYTES, first, first, first]);
  });

  test("reads further ahead of a reader only where long requests are answered quickly", () => {
    const size = new FetchSize();
    expect(size.windowBytes).toBe(READAHEAD_WARY_BYTES);
    size.note(READAHEAD_FETCH_BYTES, FETCH_QUICK_MS + 1);
    expect(size.windowBytes).toBe(READAHEAD_WARY_BYTES);
    expect(quick().windowBytes).toBe(READAHEAD_MAX_BYTES);
  });

  test("shrinks when requests take long, and never below where it began", () => {
    const size = quick();
    size.note(READAHEAD_FETCH_BYTES, FETCH_SLOW_MS);
    expect(size.within(WHOLE)).toBe(READAHEAD_FETCH_BYTES);
    size.note(READAHEAD_FETCH_BYTES, FETCH_SLOW_MS + 1);
    expect(size.within(WHOLE)).toBe(READAHEAD_FETCH_BYTES / 2);
    for (let i = 0; i < 5; i++) size.note(1, FETCH_SLOW_MS + 1);
    expect(size.within(WHOLE)).toBe(FETCH_BYTES);
    expect(size.windowBytes).toBe(READAHEAD_WARY_BYTES);
  });

  test("grows again when requests of its length are answered quickly, and learns nothing of shorter ones", () => {
    const size = quick();
    for (let i = 0; i < 5; i++) size.note(FETCH_BYTES, FETCH_SLOW_MS + 1);
    size.note(FETCH_BYTES - 1, 0);
    expect(size.within(WHOLE)).toBe(FETCH_BYTES);
    size.note(FETCH_BYTES, FETCH_QUICK_MS);
    expect(size.within(WHOLE)).toBe(2 * FETCH_BYTES);
    size.note(2 * FETCH_BYTES, FETCH_QUICK_MS + 1);
    expect(size.within(WHOLE)).toBe(2 * FETCH_BYTES);
  });
});
