import { describe, expect, test } from "bun:test";
import { runStage, summary } from "../../../scripts/gate/stage.ts";
import { passed } from "../../../scripts/gate/tally.ts";

describe("runStage()", () => {
  test("prints the stage's counts", async () => {
    const lines: string[] = [];
    const tally = { passed: 2, failed: ["x"], skipped: ["y", "z"] };
    await runStage({ name: "some", run: async () => tally }, (line) => lines.push(line));
    expect(lines.join("\n")).toMatch(/── some\n {3}some: 2 passed, 1 FAILED, 2 skipped in \d/);
  });

  test("counts a stage that throws as failed", async () => {
    const stage = { name: "bad", run: () => Promise.reject(new Error("broken")) };
    const { tally } = await runStage(stage, () => undefined);
    expect(tally.failed).toHaveLength(1);
    expect(tally.failed[0]).toContain("broken");
  });
});

describe("summary()", () => {
  test("lists every stage with its time, then what was skipped and what failed", () => {
    const lines = summary([
      { name: "one", seconds: 1.25, tally: passed() },
      { name: "three", seconds: 12, tally: { passed: 0, failed: ["a (b)"], skipped: ["c"] } },
    ]);
    expect(lines).toEqual([
      "── summary",
      "   one       1.3 s  ok",
      "   three    12.0 s  FAILED",
      "skipped: c",
      "failed: a (b)",
    ]);
  });
});
