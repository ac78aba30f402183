import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import {
  longSuite,
  machineSuite,
  programSuite,
  suiteStage,
  unitSuite,
  waitingSuite,
} from "../../../scripts/gate/suite.ts";
import type { Tally } from "../../../scripts/gate/tally.ts";
import { secret } from "../../../scripts/secrets.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "musicfs-suite-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("the suites", () => {
  test("hold every test file of the project, each in one of them", () => {
    const suites = [
      unitSuite(),
      longSuite(),
      programSuite(),
      machineSuite("integration", 1),
      machineSuite("e2e", 1),
      waitingSuite(1),
    ];
    const files = suites.flatMap((suite) => suite.files);
    expect(files.toSorted()).toEqual(
      [...new Bun.Glob("test/**/*.test.{ts,tsx}").scanSync(".")].toSorted(),
    );
  });
});

/** Runs test files with these contents as a suite of their own. */
async function runSuite(...contents: readonly string[]): Promise<Tally> {
  const files = contents.map((text, number) => {
    const file = join(directory, `case${number}.test.ts`);
    writeFileSync(file, `import { expect, test } from "bun:test";\n${text}\n`);
    return relative(process.cwd(), file);
  });
  const limits = { testTimeoutMs: 5000, deadlineMs: 10_000, output: "ignore" } as const;
  return suiteStage({ name: "suite", files, sideBySide: 1, ...limits }).run();
}

describe("suiteStage()", () => {
  test("counts the tests of a suite", async () => {
    const tally = await runSuite(
      'test("a", () => expect(1).toBe(1)); test.skip("b [needs root]", () => undefined);',
    );
    expect(tally).toMatchObject({ passed: 1, failed: [] });
    expect(tally.skipped).toHaveLength(1);
  });

  test("fails when a file ends the runner early, though that exits with 0", async () => {
    const tally = await runSuite('test("a", () => process.exit(0));');
    expect(tally.failed).toHaveLength(1);
    expect(tally.failed[0]).toContain("case0.test.ts (did not load, crashed");
  });

  test("fails for a file that does not load and still counts the others", async () => {
    const tally = await runSuite('import "./absent.ts";', 'test("a", () => undefined);');
    expect(tally.passed).toBe(1);
    expect(tally.failed).toHaveLength(1);
  });

  test("fails for a suite without files", async () => {
    expect(await runSuite()).toEqual({ passed: 0, failed: ["suite: no tests found"], skipped: [] });
  });

  test("fails for a secret that it, or a program under test, puts out (R-3)", async () => {
    const support = join(import.meta.dir, "../../support/transcript.ts");
    const tally = await runSuite(
      `test("a", () => console.error("password ${secret("nas")}"));`,
      `import { keepForGate } from ${JSON.stringify(support)};
       test("b", () => keepForGate("log: ${secret("bucket")}"));`,
    );
    expect(tally.passed).toBe(2);
    expect(tally.failed.toSorted()).toEqual([
      "suite told a secret: log: bucket-[a secret]",
      "suite told a secret: password nas-[a secret]",
    ]);
  });

  test("fails for files and processes left behind", async () => {
    const tally = await runSuite(`test("a", () => {
      require("node:fs").writeFileSync(process.env["TMPDIR"] + "/forgotten", "");
      Bun.spawn(["sleep", "60"], { stdio: ["ignore", "ignore", "ignore"], detached: true }).unref();
    });`);
    expect(tally.passed).toBe(1);
    const pid = /left behind: process (\d+) sleep 60/.exec(tally.failed.join("\n"))?.[1];
    expect(pid).toBeDefined();
    process.kill(Number(pid));
    expect(tally.failed.join("\n")).toMatch(/left behind: file .*forgotten/);
  });
});
