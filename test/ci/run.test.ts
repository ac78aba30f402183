import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runScript, type ScriptResult, Stubs } from "../scripts/stubs.ts";

let root: string;
let stubs: Stubs;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "musicfs-ci-"));
  mkdirSync(join(root, ".ci"));
  copyFileSync(join(import.meta.dir, "../../.ci/run"), join(root, ".ci/run"));
  stubs = new Stubs(root, ["bash", "dirname", "rm", "tail", "mkdir"]);
});
afterEach(() => rmSync(root, { recursive: true }));

function run(): ScriptResult {
  return runScript(["/bin/bash", join(root, ".ci/run")], stubs);
}

function reporting(tally: string, status: number): string {
  return `mkdir -p test-report; echo "${tally}" >test-report/tally; echo noise; exit ${status}`;
}

describe(".ci/run", () => {
  test("ends with the tally of the run and its exit status", () => {
    stubs.add("npm", reporting("12 passed, 0 failed", 0));
    expect(run()).toEqual({ status: 0, stdout: "noise\n12 passed, 0 failed\n", stderr: "" });
    expect(stubs.calls()).toEqual(["npm test"]);
  });

  test("fails when tests failed", () => {
    stubs.add("npm", reporting("12 passed, 3 failed, 1 skipped", 1));
    expect(run()).toMatchObject({ status: 1, stdout: "noise\n12 passed, 3 failed, 1 skipped\n" });
  });

  test.each([0, 1, 137])("fails when the run ends with %d before it has counted", (status) => {
    // The tally of an earlier run is not taken for this one's.
    mkdirSync(join(root, "test-report"));
    writeFileSync(join(root, "test-report/tally"), "12 passed, 0 failed\n");
    stubs.add("npm", `exit ${status}`);
    expect(run()).toEqual({ status: 1, stdout: "0 passed, 1 failed\n", stderr: "" });
  });

  test("uses bun where there is no npm", () => {
    stubs.add("bun", reporting("1 passed, 0 failed", 0));
    expect(run().status).toBe(0);
    expect(stubs.calls()).toEqual(["bun run test"]);
  });
});
