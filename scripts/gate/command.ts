import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

export interface CommandOptions {
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** After this the command and everything in its process group is killed. */
  readonly deadlineMs: number;
  /** Where its output goes: default to that of this process. */
  readonly output?: "inherit" | "ignore";
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
  { env, deadlineMs, output = "inherit" }: CommandOptions,
): Promise<CommandResult> {
  const child = spawn(program, args, {
    stdio: ["ignore", output, output],
    env: { ...process.env, ...env },
    detached: true,
  });
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
    const [status] = (await once(child, "exit")) as [number | null];
    return { status, timedOut };
  } finally {
    clearTimeout(timer);
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}
