import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runScript, type ScriptResult, Stubs } from "./stubs.ts";

const SCRIPTS = join(import.meta.dir, "../../scripts");
const TOOLS = ["dirname", "mkdir", "chmod", "cp", "touch"];

let root: string;
let stubs: Stubs;

/** A project whose task prints its arguments, with a Bun that takes what is in `node_modules/ready` for installed. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "musicfs-bootstrap-"));
  mkdirSync(join(root, "scripts"));
  copyFileSync(join(SCRIPTS, "bootstrap.sh"), join(root, "scripts/bootstrap.sh"));
  writeFileSync(join(root, "scripts/check.ts"), "");
  writeFileSync(join(root, "scripts/packages.sh"), 'packages "$1"\n');
  stubs = new Stubs(root, TOOLS).add("packages").add("sh", 'exec /bin/sh "$@"');
  stubs.add("pinned-bun", 'case "$1" in scripts/toolchain.ts) [ -e node_modules/ready ] ;; esac');
});
afterEach(() => rmSync(root, { recursive: true }));

const INSTALL = "mkdir -p node_modules/.bin && cp $(dirname $0)/pinned-bun node_modules/.bin/bun";

function run(...args: readonly string[]): ScriptResult {
  return runScript(["/bin/sh", join(root, "scripts/bootstrap.sh"), ...args], stubs);
}

/** The calls that install something or run the task. */
function steps(): readonly string[] {
  return stubs
    .calls()
    .filter((call) => !call.startsWith("sh ") && !/toolchain|--version/.test(call));
}

describe("bootstrap.sh", () => {
  test("installs with npm, with no package's scripts but Bun's own, then runs the task", () => {
    stubs.add("npm", INSTALL).add("node", "touch node_modules/ready");
    expect(run("check", "--fast").status).toBe(0);
    expect(steps()).toEqual([
      expect.stringMatching(/^npm ci --ignore-scripts( |$)/),
      "node node_modules/bun/install.js",
      "packages check",
      "pinned-bun scripts/check.ts --fast",
    ]);
  });

  test("installs with bun where there is no npm, and writes no second lockfile", () => {
    stubs.add("bun", `case "$1" in install) ${INSTALL} ;; *) touch node_modules/ready ;; esac`);
    expect(run("check").status).toBe(0);
    expect(steps()).toEqual([
      "bun install --ignore-scripts --no-save",
      "bun node_modules/bun/install.js",
      "packages check",
      "pinned-bun scripts/check.ts",
    ]);
  });

  test("installs nothing when all is there", () => {
    stubs.add("npm", INSTALL).add("node", "touch node_modules/ready");
    run("check");
    const before = steps().length;
    expect(run("check").status).toBe(0);
    expect(steps().slice(before)).toEqual(["packages check", "pinned-bun scripts/check.ts"]);
  });

  test("says what to install where there is neither npm nor bun", () => {
    const { status, stderr } = run("check");
    expect(status).not.toBe(0);
    expect(stderr).toContain("apt-get install npm");
  });

  test("stops when the packages do not become those of the lockfile", () => {
    stubs.add("npm", INSTALL).add("node");
    const { status, stderr } = run("check");
    expect(status).toBe(1);
    expect(stderr).toContain("still differ");
    expect(steps()).not.toContain("pinned-bun scripts/check.ts");
  });

  test("says so when there is no such task", () => {
    const { status, stderr } = run("dance");
    expect(status).toBe(2);
    expect(stderr).toContain("There is no task 'dance'");
  });
});
