import { describe, expect, test } from "bun:test";
import { type ByteName, nameFromText, textOf } from "../../src/core/bytes.ts";

describe("textOf()", () => {
  test("is the text of every name that is UTF-8, marks of byte order and controls included", () => {
    for (const text of ["", "track 1.flac", "Björk", "日本 🎵", "\ufeffa", "a\nb\x7f"]) {
      expect(textOf(nameFromText(text))).toBe(text);
    }
  });

  test("is undefined for other bytes, and right again after them", () => {
    for (const bytes of ["\xff", "caf\xe9", "ab\xc3", "\xe2\x82", "\xc0\x80", "\xed\xa0\x80"]) {
      expect(textOf(bytes as ByteName)).toBeUndefined();
      expect(textOf("\xa9" as ByteName)).toBeUndefined();
      expect(textOf(nameFromText("é"))).toBe("é");
    }
  });
});
