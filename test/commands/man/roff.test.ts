import { describe, expect, test } from "bun:test";
import { entry, quoted, roff, verbatim } from "../../../src/commands/man/roff.ts";

describe("roff()", () => {
  test("lets nothing be taken for a request or an escape", () => {
    expect(roff(".so /etc/passwd\n'br\na.b'c")).toBe("\\&.so /etc/passwd\n\\&'br\na.b'c");
    expect(roff("\\fB --json")).toBe("\\efB \\-\\-json");
  });

  test("macros' arguments keep their quotes", () => {
    expect(quoted('say "this"')).toBe('"say \\(dqthis\\(dq"');
  });

  test("entries and examples are paragraphs", () => {
    expect(entry("x", "what")).toBe(".TP\nx\nwhat");
    expect(verbatim("a\n  b")).toBe(".PP\n.nf\na\n  b\n.fi");
  });
});
