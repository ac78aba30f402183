/** The stages that run tests with `bun test`. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "./command.ts";
import { readJunit } from "./junit.ts";
import { leftovers, settled } from "./leftovers.ts";
import type { Stage } from "./stage.ts";
import { failed, sum, type Tally } from "./tally.ts";
import { toldSecrets } from "./told.ts";

/** Directories under test/ whose tests need the machine: root, FUSE, real servers, the compiled binary. */
const MACHINE_SUITES: readonly string[] = ["integration", "e2e"];

/** Directories under test/ whose tests need nothing of the machine, but more time than a quick check has. */
const LONG_SUITES: readonly string[] = ["faults", "fuzz", "model"];

/** And those that need the compiled binary for that, and run it many times. */
const PROGRAM_SUITES: readonly string[] = ["program"];

export interface Suite {
  readonly name: string;
  /** Test files, relative to the project's root. */
  readonly files: readonly string[];
  /**
   * How many files run side by side: as many as there are processors, or a number. Most tests that mount or start
   * servers run one after the other.
   */
  readonly sideBySide: "processors" | number;
  /** Default limit of one test. */
  readonly testTimeoutMs: number;
  /** Limit of the whole stage. */
  readonly deadlineMs: number;
  /** Where the runner's output goes: default to that of this process. */
  readonly output?: "inherit" | "ignore";
}

function testFiles(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return [...new Bun.Glob("**/*.test.{ts,tsx}").scanSync(directory)]
    .map((file) => join(directory, file))
    .sort();
}

/** Tests of test/`name`, one file after the other, without those that wait a good part of the time. */
export function machineSuite(name: string, deadlineMs: number): Suite {
  const files = testFiles(`test/${name}`).filter((file) => !isWaiting(file));
  return { name, files, sideBySide: 1, testTimeoutMs: 120_000, deadlineMs };
}

/** Tests that need the machine and often wait: for timeouts, for servers to come back, for idle things to be closed. */
export function waitingSuite(deadlineMs: number): Suite {
  const files = filesOf(MACHINE_SUITES).filter(isWaiting);
  return { name: "waiting", files, sideBySide: 2, testTimeoutMs: 240_000, deadlineMs };
}

/** Tests that need neither root nor FUSE nor a server. */
function pureSuite(name: string, files: readonly string[], deadlineMs: number): Suite {
  return { name, files, sideBySide: "processors", testTimeoutMs: 60_000, deadlineMs };
}

/** Test files of the directories `names` under test/. */
function filesOf(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => testFiles(join("test", name)));
}

/** Those of the directories that belong to no other suite. */
function unitFiles(): readonly string[] {
  const others = [...MACHINE_SUITES, ...LONG_SUITES, ...PROGRAM_SUITES];
  const directories = readdirSync("test", { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !others.includes(entry.name))
    .map(({ name }) => name);
  return filesOf(directories);
}

/** Whether a file beside quick tests takes too long to be one of them. */
function isLong(file: string): boolean {
  return file.includes(".long.test.");
}

/** Whether a file of those that need the machine leaves its processors to another one a good part of the time. */
function isWaiting(file: string): boolean {
  return file.includes(".waiting.test.");
}

/** Every quick test that needs neither root nor FUSE nor a server. */
export function unitSuite(): Suite {
  const files = unitFiles().filter((file) => !isLong(file));
  return pureSuite("unit tests", files, 300_000);
}

/** The tests that need neither root nor FUSE nor a server, but a minute and more. */
export function longSuite(): Suite {
  const files = [...filesOf(LONG_SUITES), ...unitFiles().filter(isLong)];
  return pureSuite("long tests", files, 500_000);
}

/** The commands of the compiled binary, as a script runs them. */
export function programSuite(): Suite {
  return pureSuite("program", filesOf(PROGRAM_SUITES), 300_000);
}

function parallel(sideBySide: Suite["sideBySide"]): readonly string[] {
  if (sideBySide === "processors") return ["--parallel"];
  return sideBySide === 1 ? [] : [`--parallel=${sideBySide}`];
}

async function runSuite(suite: Suite): Promise<Tally> {
  if (suite.files.length === 0) return failed(`${suite.name}: no tests found`);
  const directory = mkdtempSync(join(tmpdir(), "musicfs-run-"));
  // Tests that act as an ordinary user have their files there too.
  chmodSync(directory, 0o755);
  const report = `${directory}.xml`;
  const transcript = `${directory}.transcript`;
  const colours = process.stdout.isTTY ? { FORCE_COLOR: "1" } : {};
  try {
    const { status, timedOut } = await runCommand(
      [
        process.execPath,
        "test",
        `--timeout=${suite.testTimeoutMs}`,
        "--only-failures",
        "--reporter=junit",
        `--reporter-outfile=${report}`,
        ...parallel(suite.sideBySide),
        ...suite.files.map((file) => `./${file}`),
      ],
      {
        env: { TMPDIR: directory, MUSICFS_TRANSCRIPT: transcript, ...colours },
        deadlineMs: suite.deadlineMs,
        output: suite.output ?? "inherit",
        transcript,
      },
    );
    const left = await settled(() => leftovers(directory));
    const tests = readJunit(existsSync(report) ? readFileSync(report, "utf8") : "", suite.files);
    const told = toldSecrets(readFileSync(transcript, "utf8"));
    const ending = timedOut
      ? [`${suite.name}: stopped after ${suite.deadlineMs / 1000} s`]
      : status !== 0 && tests.failed.length === 0
        ? [`${suite.name}: bun test ended with ${status ?? "a signal"}`]
        : [];
    return sum([
      tests,
      failed(...ending),
      failed(...left.map((line) => `${suite.name} left behind: ${line}`)),
      failed(...told.map((line) => `${suite.name} told a secret: ${line}`)),
    ]);
  } finally {
    rmSync(report, { force: true });
    rmSync(transcript, { force: true });
    // Never descends into what is still mounted there: that would be an origin's own files.
    if (leftovers(directory).every((line) => !line.startsWith("mount "))) {
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

/**
 * A stage that runs the suite and fails too for every process, mount and temporary file left behind, and for every
 * secret that the suite, or a program in it, has put out.
 */
export function suiteStage(suite: Suite): Stage {
  return { name: suite.name, run: () => runSuite(suite) };
}
