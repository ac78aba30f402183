import { describe, expect, test } from "bun:test";
import type { LiveRead } from "../../src/core/control/live.ts";
import { EMPTY_VIEW, isNews, withUpdate } from "../../src/tui/live_view.ts";
import { at, origin, state } from "./scenes.ts";

describe("isNews()", () => {
  const view = withUpdate(EMPTY_VIEW, state(2, [origin("one")]));

  test("is false for a state that differs by its time alone", () => {
    expect(isNews(view, state(1, [origin("one")]))).toBe(false);
  });

  test("is true for the first state, and for one in which anything moved", () => {
    expect(isNews(EMPTY_VIEW, state(1, [origin("one")]))).toBe(true);
    expect(isNews(view, state(1, [origin("one", { bytes: 1 })]))).toBe(true);
    expect(isNews(view, state(1, [origin("one")], { reads_waiting: 1 }))).toBe(true);
    expect(isNews(view, state(1, []))).toBe(true);
  });

  test("is true for what happens", () => {
    const read: LiveRead = {
      kind: "read",
      time: at(1),
      path: "a.flac",
      origin: "one",
      bytes: 1,
      latency_ms: 1,
      marks: [],
    };
    expect(isNews(view, read)).toBe(true);
  });
});
