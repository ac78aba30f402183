import { describe, expect, test } from "bun:test";
import { failed, NOTHING, passed, sum, tallyLine } from "../../../scripts/gate/tally.ts";

describe("tallyLine()", () => {
  test("counts what passed and failed", () => {
    expect(tallyLine(sum([passed(), passed(), failed("a")]))).toBe("2 passed, 1 failed");
  });

  test("counts what was skipped only when something was", () => {
    expect(tallyLine({ passed: 3, failed: [], skipped: ["x", "y"] })).toBe(
      "3 passed, 0 failed, 2 skipped",
    );
  });

  test("is a failure when nothing ran", () => {
    expect(tallyLine(NOTHING)).toBe("0 passed, 1 failed");
    expect(tallyLine({ passed: 0, failed: [], skipped: ["x"] })).toBe(
      "0 passed, 1 failed, 1 skipped",
    );
  });
});
