import { describe, expect, test } from "bun:test";
import { RecentMap } from "../../../src/core/federation/recent_map.ts";

describe("RecentMap", () => {
  test("forgets the least recently set beyond its limit", () => {
    const map = new RecentMap<string, number>(2);
    map.set("a", 1);
    map.set("b", 2);
    map.set("a", 3);
    map.set("c", 4);
    expect([map.get("a"), map.get("b"), map.get("c"), map.size]).toEqual([3, undefined, 4, 2]);
    map.delete("a");
    expect([map.get("a"), map.size]).toEqual([undefined, 1]);
  });
});
