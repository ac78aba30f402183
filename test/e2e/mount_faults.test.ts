/** Every system call of the main thread while it mounts, serves and unmounts, failing in turn. */

import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { needing } from "../support/needs.ts";
import { leftInHome } from "./support/kept_files.ts";
import { eventually, isRunning, Mount, run, Workspace } from "./support/musicfs.ts";

const PROJECT = join(import.meta.dir, "../..");
const PRELOAD = join(import.meta.dir, "support/failing_calls.preload.ts");
const CONTENT = "music ".repeat(1000);
const PATIENCE_MS = 60_000;
const SIGNAL_MS = 1500;
const SIGNALS = 4;

/** What the main thread calls; replies are not among them, since the kernel takes every one. */
const CALLS = ["flock", "open", "mount", "eventfd", "umount2", "close"];

/** Mounts, reads and ends while `failing` fails; answers the call's name, empty if there was none. */
async function live(workspace: Workspace, failing: string): Promise<string> {
  const report = workspace.path("report");
  for (const old of ["log", "report"]) workspace.file(old, "");
  const command = ["--preload", PRELOAD, "src/main.ts", "mount", workspace.mountPoint];
  const program = Bun.spawn(
    [process.execPath, ...command, ...Mount.origins(workspace.path("disk"))],
    {
      cwd: PROJECT,
      env: {
        ...{ PATH: process.env["PATH"] ?? "/usr/bin:/bin", ...workspace.env },
        // The home is to hold what the program leaves, and nothing of Bun's.
        BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
        ...{ MUSICFS_FAILING_CALL: failing, MUSICFS_FAILING_REPORT: report },
      },
      stdio: ["ignore", "ignore", Bun.file(workspace.path("log"))],
    },
  );
  await using _end = {
    async [Symbol.asyncDispose]() {
      program.kill("SIGKILL");
      await program.exited;
      if (workspace.isMounted) await run(["umount", "-l", workspace.mountPoint]);
    },
  };
  const log = () => readFileSync(workspace.path("log"), "utf8");
  const ended = () => program.exitCode !== null || program.signalCode !== null;
  await eventually(
    "it mounts or refuses",
    () => ended() || log().includes('"mounted"'),
    PATIENCE_MS,
  );
  if (!ended()) {
    const { stdout, stderr } = await run(["cat", `${workspace.mountPoint}/album/track`]);
    if (stdout !== CONTENT) expect(stderr).toMatch(/Input\/output error|No such file/);
  }
  // A signal that could not unmount is repeated, as people do.
  for (let signals = 0; !ended() && workspace.isMounted && signals < SIGNALS; signals++) {
    program.kill("SIGTERM");
    await eventually("it unmounts", () => !workspace.isMounted, SIGNAL_MS).catch(() => undefined);
  }
  await eventually(`${failing}: it ends`, ended, PATIENCE_MS).catch((error: unknown) => {
    throw new Error(log(), { cause: error });
  });
  const call = readFileSync(report, "utf8");
  expect([call, program.signalCode]).toEqual([call, null]);
  expect(log()).not.toMatch(/\b(TypeError|unhandled|panic)\b|^\s+at /m);
  expect([call, workspace.isMounted, isRunning(program.pid)]).toEqual([call, false, false]);
  return call;
}

needing("root", "fuse").test(
  "no system call of a mount that fails leaves a mount, a process or a hang behind",
  async () => {
    using workspace = new Workspace("mount-faults");
    workspace.file("disk/album/track", CONTENT);
    const failed: string[] = [];
    for (const name of CALLS) {
      let nth = 0;
      while ((await live(workspace, `${name}:${nth}`)) !== "") nth++;
      expect([name, nth > 0]).toEqual([name, true]);
      failed.push(`${nth} x ${name}`);
    }
    expect(leftInHome(workspace)).toEqual([]);
    console.log(`failed in turn: ${failed.join(", ")}`);
  },
  300_000,
);
