/**
 * An origin on a file system that hangs (a FUSE mount whose program is stopped): nothing else may
 * wait for it, not `ls`, not reads of other origins, not the end of the mount.
 */

import { describe, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MAX_GUARDS_PER_ORIGIN } from "../../src/core/limits.ts";
import { guardsOf } from "../support/guards.ts";
import { needing } from "../support/needs.ts";
import { BindfsMount } from "./support/bindfs.ts";
import { eventually, Mount, Workspace } from "./support/musicfs.ts";

const { test } = needing("root", "fuse", "bindfs");

/** Far below every time-out of an origin that is given much patience, far above what a loaded machine takes. */
const PROMPT_MS = 20_000;
const READ_DEADLINE_MS = 4000;
/** Of one test. */
const LIMIT_MS = 120_000;
/**
 * A slow answer: longer than anything that is bounded for all origins alike (directory requests, 2 s),
 * as ten seconds are with the default time-outs.
 */
const LATE_MS = 3000;

/** How soon a hung origin is noticed: long before a read's deadline, or not while a test runs. */
interface Patience {
  readonly checkIntervalSecs: number;
  readonly timeoutMs: number;
  readonly readDeadlineMs: number;
}

const LITTLE: Patience = {
  checkIntervalSecs: 1,
  timeoutMs: 2000,
  readDeadlineMs: READ_DEADLINE_MS,
};
const MUCH: Patience = { checkIntervalSecs: 600, timeoutMs: 60_000, readDeadlineMs: 60_000 };

function configOf(workspace: Workspace, hung: string, patience: Patience): readonly string[] {
  const origin = (id: string, priority: number, path: string) => `[[origins]]
id = "${id}"
origin_type = "local"
priority = ${priority}
path = "${path}"
operation_timeout_ms = ${patience.timeoutMs}
`;
  return workspace.config(`[health]
check_interval_secs = ${patience.checkIntervalSecs}
timeout_ms = ${patience.timeoutMs / 2}
[read]
read_deadline_ms = ${patience.readDeadlineMs}
${origin("hung", 1, hung)}${origin("disk", 2, workspace.path("disk"))}`);
}

async function timed<T>(work: Promise<T>): Promise<{ readonly ms: number; readonly result: T }> {
  const started = performance.now();
  const result = await work;
  return { ms: performance.now() - started, result };
}

/** Where a reader stands still: in a system call on the file that it has opened. */
function waitsFor(pid: number, file: string): boolean {
  try {
    const opened = readdirSync(`/proc/${pid}/fd`).map((fd) =>
      readlinkSync(`/proc/${pid}/fd/${fd}`),
    );
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return opened.includes(file) && /^[SD]$/.test(stat.slice(stat.lastIndexOf(")") + 2)[0] ?? "");
  } catch (error) {
    // It is about to start, or has ended.
    if (error instanceof Error && "code" in error) return false;
    throw error;
  }
}

async function setUp(patience: Patience) {
  const stack = new AsyncDisposableStack();
  const workspace = stack.use(new Workspace("hung"));
  const hung = stack.use(await BindfsMount.create());
  const both = Buffer.alloc(20_000_000, "both origins hold this. ");
  writeFileSync(join(hung.tree.root, "both.flac"), both);
  writeFileSync(join(hung.tree.root, "only-hung.flac"), Buffer.alloc(500_000, "hung "));
  workspace.file("disk/both.flac", both);
  workspace.file("disk/only-disk.flac", Buffer.alloc(500_000, "disk "));
  const config = configOf(workspace, hung.tree.root, patience);
  const mount = stack.use(await Mount.scanned(workspace, config));
  return { stack, workspace, hung, mount };
}

describe("an origin that hangs", () => {
  test(
    "NFR-7.2 delays neither listings nor other origins, and its own files fail in time",
    async () => {
      {
        const { stack, workspace, hung } = await setUp(MUCH);
        await using _all = stack;
        await hung.stop();

        const listed = await timed(workspace.shell('ls -l "$1"'));
        expect(listed.result).toContain("only-hung.flac");
        expect(listed.ms).toBeLessThan(PROMPT_MS);

        const other = await timed(
          workspace.shell('cmp "$1/only-disk.flac" "$2"', workspace.path("disk/only-disk.flac")),
        );
        expect(other.ms).toBeLessThan(PROMPT_MS);
        hung.go();
      }

      const { stack, workspace, hung } = await setUp(LITTLE);
      await using _all = stack;
      await hung.stop();
      const own = await timed(workspace.run(["cat", join(workspace.mountPoint, "only-hung.flac")]));
      expect(own.result.code).toBe(1);
      expect(own.result.stderr).toContain("Input/output error");
      // The kernel reads ahead, so more than one READ may have to fail.
      expect(own.ms).toBeLessThan(3 * READ_DEADLINE_MS + PROMPT_MS);

      await eventually("the other replica serves", async () => {
        const { code } = await workspace.run([
          "cmp",
          join(workspace.mountPoint, "both.flac"),
          workspace.path("disk/both.flac"),
        ]);
        return code === 0;
      });
      hung.go();
      await eventually("it is read again once it goes on", async () => {
        const { code } = await workspace.run(["cat", join(workspace.mountPoint, "only-hung.flac")]);
        return code === 0;
      });
    },
    LIMIT_MS,
  );

  test(
    "NFR-7.2 answers late, and holds up nobody else until it does",
    async () => {
      const { stack, workspace, hung } = await setUp(MUCH);
      await using _all = stack;
      const own = join(workspace.mountPoint, "only-hung.flac");
      const bytes = workspace.file("same-as-hung", Buffer.alloc(500_000, "hung "));
      await hung.stop();
      let answered = false;
      const late = workspace.run(["cmp", own, bytes]).finally(() => {
        answered = true;
      });
      const startedMs = performance.now();
      do {
        const others = workspace.shell(
          'ls -l "$1" && cmp "$1/only-disk.flac" "$2"',
          workspace.path("disk/only-disk.flac"),
        );
        expect((await timed(others)).ms).toBeLessThan(PROMPT_MS);
      } while (performance.now() - startedMs < LATE_MS);
      expect(answered).toBe(false);
      hung.go();
      expect(await late).toMatchObject({ code: 0, stdout: "" });
      expect(await workspace.run(["cmp", own, bytes])).toMatchObject({ code: 0 });
    },
    LIMIT_MS,
  );

  test(
    "F-8 goes on in the middle of a file from another origin",
    async () => {
      const { stack, workspace, hung } = await setUp(MUCH);
      await using _all = stack;
      const script = `exec 3<"$1/both.flac"; head -c 100000 <&3; : > "$2"
      while [ ! -e "$3" ]; do sleep 0.05; done; cat <&3`;
      const begun = workspace.path("begun");
      const go = workspace.path("go");
      const reading = workspace.run(["sh", "-c", script, "sh", workspace.mountPoint, begun, go]);
      await eventually("the file is being read", () => existsSync(begun));
      await hung.stop();
      writeFileSync(go, "");
      const { code, stdout } = await reading;
      expect(code).toBe(0);
      expect(stdout === readFileSync(workspace.path("disk/both.flac"), "latin1")).toBe(true);
      hung.go();
    },
    LIMIT_MS,
  );

  test.each([
    ["cat", ["cat"]],
    ["a read past the kernel's cache", ["dd", "iflag=direct", "bs=64k"]],
  ])(
    "NFR-7.2 lets a reader that is interrupted go at once: %s",
    async (_, command) => {
      const { stack, workspace, hung, mount } = await setUp(MUCH);
      await using _all = stack;
      await hung.stop();
      const file = join(workspace.mountPoint, "only-hung.flac");
      for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
        const words = command[0] === "dd" ? [...command, `if=${file}`] : [...command, file];
        const reader = Bun.spawn([...words], { stdio: ["ignore", "ignore", "ignore"] });
        await eventually("it waits for the file", () => waitsFor(reader.pid, file));
        reader.kill(signal);
        const { ms } = await timed(reader.exited);
        expect(reader.signalCode).toBe(signal);
        expect(ms).toBeLessThan(PROMPT_MS);
      }
      // The mount goes on.
      const other = await timed(
        workspace.shell('cmp "$1/only-disk.flac" "$2"', workspace.path("disk/only-disk.flac")),
      );
      expect(other.ms).toBeLessThan(PROMPT_MS);
      hung.go();
      await eventually("it is read again once it goes on", async () => {
        const { code } = await workspace.run(["cat", file]);
        return code === 0;
      });
      expect(await mount.stop()).toBe(0);
    },
    LIMIT_MS,
  );

  test(
    "neither unmounting nor the end of the process waits for it; its guards are bounded",
    async () => {
      const { stack, workspace, hung, mount } = await setUp(LITTLE);
      await using _all = stack;
      await hung.stop();
      const stuck = Array.from({ length: 12 }, () =>
        workspace.run(["timeout", "3", "cat", join(workspace.mountPoint, "only-hung.flac")]),
      );
      let reading = true;
      const read = Promise.all(stuck).finally(() => {
        reading = false;
      });
      let guards: readonly number[] = [];
      while (reading) {
        guards = guardsOf(mount.pid);
        expect(guards.length).toBeLessThanOrEqual(MAX_GUARDS_PER_ORIGIN);
        await Bun.sleep(50);
      }
      await read;
      expect(guards.length).toBeGreaterThan(0);
      const ended = await timed(mount.stop());
      expect(ended.result).toBe(0);
      // What hangs does so for ever.
      expect(ended.ms).toBeLessThan(PROMPT_MS);
      expect(workspace.isMounted).toBe(false);
      hung.go();
      await eventually("its guards are gone once the kernel lets them go", () =>
        guards.every((pid) => guardsOf(1).includes(pid) === false && !alive(pid)),
      );
    },
    LIMIT_MS,
  );
});

function alive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ");
  } catch {
    // No such process.
    return false;
  }
}
