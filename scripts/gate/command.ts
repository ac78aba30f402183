import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** How long output may come after the command has ended. */
const CLOSE_MS = 500;

export interface CommandOptions {
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** After this the command and everything in its process group is killed. */
  readonly deadlineMs: number;
  /** Where its output goes: default to that of this process. */
  readonly output?: "inherit" | "ignore";
  /** A file that its output is appended to as well. */
  readonly transcript?: string;
}

export interface CommandResult {
  /** Exit status; null when a signal, such as the deadline's, ended it. */
  readonly status: number | null;
  readonly timedOut: boolean;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    // The group is gone: that is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/**
 * Runs a command without input, in a process group of its own, so that its deadline or a
 * signal to this process ends all that it started.
 */
export async function runCommand(
  [program, ...args]: readonly [string, ...string[]],
  { env, deadlineMs, output = "inherit", transcript }: CommandOptions,
): Promise<CommandResult> {
  const child = spawn(program, args, {
    stdio: transcript === undefined ? ["ignore", output, output] : ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
    detached: true,
  });
  if (transcript !== undefined) {
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.on("data", (piece: Buffer) => {
        appendFileSync(transcript, piece);
        if (output === "inherit") process[name].write(piece);
      });
    }
  }
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child);
  }, deadlineMs);
  const stop = (signal: NodeJS.Signals): void => {
    killGroup(child);
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    const closed = once(child, "close");
    const [status] = (await once(child, "exit")) as [number | null];
    // What it left behind may hold its output open.
    await Promise.race([closed, delay(CLOSE_MS)]);
    for (const stream of [child.stdout, child.stderr]) stream?.destroy();
    return { status, timedOut };
  } finally {
    clearTimeout(timer);
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}
