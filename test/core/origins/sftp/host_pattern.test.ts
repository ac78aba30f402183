import { describe, expect, test } from "bun:test";
import {
  matchesPattern,
  matchesPatternList,
} from "../../../../src/core/origins/sftp/host_pattern.ts";

describe("host pattern", () => {
  test.each([
    ["*", "anything", true],
    ["*", "", true],
    ["", "", true],
    ["", "a", false],
    ["nas", "NAS", true],
    ["n?s", "nas", true],
    ["n?s", "ns", false],
    ["*.home", "nas.home", true],
    ["*.home", "nas.home.org", false],
    ["*a*b*", "xxaxxbxx", true],
    ["192.168.?.*", "192.168.1.20", true],
    ["[nas]:2222", "[nas]:2222", true],
    ["a.c", "abc", false],
  ])("%p against %p is %p", (pattern, text, expected) => {
    expect(matchesPattern(pattern, text)).toBe(expected);
  });

  test("answers soon whatever the pattern", () => {
    expect(matchesPattern("*a".repeat(200), "a".repeat(2000).concat("b"))).toBe(false);
  });

  test("a list matches by any pattern unless one with ! does", () => {
    expect(matchesPatternList(["*.home", "!nas.home"], "pi.home")).toBe(true);
    expect(matchesPatternList(["*.home", "!nas.home"], "nas.home")).toBe(false);
    expect(matchesPatternList(["!nas.home"], "pi.home")).toBe(false);
    expect(matchesPatternList([], "pi.home")).toBe(false);
  });
});
