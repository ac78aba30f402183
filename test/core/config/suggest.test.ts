import { describe, expect, test } from "bun:test";
import { suggest } from "../../../src/core/config/suggest.ts";

describe("suggest()", () => {
  const keys = ["priority", "path", "prefix", "operation_timeout_ms", "cache"];

  test("finds what was meant: left out, added, replaced, swapped, hyphens, capitals", () => {
    const meant = [
      "prority",
      "priiority",
      "pkiority",
      "piroirty",
      "operation-timeout-ms",
      "Path",
      "cahce",
    ];
    expect(meant.map((given) => suggest(given, keys))).toEqual([
      "priority",
      "priority",
      "priority",
      "priority",
      "operation_timeout_ms",
      "path",
      "cache",
    ]);
  });

  test("suggests nothing that is far", () => {
    expect(["x", "bucket", "operation"].map((given) => suggest(given, keys))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
