/**
 * Lets the mount's readers go when this process is killed while it tells the kernel of a change.
 *
 * A notification waits in the kernel for the lock of a directory, which a reader may hold who waits
 * for an answer of this process. Killed in that moment, the process cannot end: nothing interrupts
 * the thread that notifies, it holds the device open, and so the kernel does not notice that nobody
 * answers. Both wait for ever, and so does whoever comes later, until somebody else aborts the
 * connection. That is a shell, which takes a megabyte: the kernel signals it when the main thread of
 * this process dies (PR_SET_PDEATHSIG, prctl(2)), and it becomes `musicfs __abort`, which looks and acts.
 */

import { fileURLToPath } from "node:url";
import type { Subprocess } from "bun";
import type { Mounted } from "./mount.ts";

/** The hidden mode of the program in which it aborts the connection of another; see `abort_main.ts`. */
export const ABORT_MODE = "__abort";

/** How long a shell whose standard input has ended may take to end. */
const END_PATIENCE_MS = 1000;

/**
 * Ends with its standard input, and so with this process. Signals of a terminal are meant for others;
 * the kernel may send more than one when the threads of this process end one by one.
 */
const WATCH = `trap '' HUP INT QUIT
trap 'trap "" TERM; exec "$@"' TERM
read -r _`;

export class AbortOnDeath implements AsyncDisposable {
  private constructor(readonly child: Subprocess<"pipe", "ignore", "ignore">) {}

  /** Undefined where setpriv(1), of util-linux, is missing: the next mount aborts the connection then. */
  static start({ connection, mountPoint }: Mounted): AbortOnDeath | undefined {
    const program = Bun.which("setpriv", { PATH: "/usr/bin:/bin" });
    if (program === null) return undefined;
    const abort = [...abortCommand(), `${process.pid}`, `${connection}`, mountPoint];
    const watch = [program, "--pdeathsig", "TERM", "--", "/bin/sh", "-c", WATCH, "sh", ...abort];
    const child = Bun.spawn(watch, {
      cwd: "/",
      env: { PATH: "/usr/bin:/bin" },
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.unref();
    return new AbortOnDeath(child);
  }

  /** Nothing needs to be aborted any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stdin.end();
    await Promise.race([this.child.exited, Bun.sleep(END_PATIENCE_MS)]);
    this.child.kill("SIGKILL");
  }
}

/** How this program starts itself in that mode: compiled, or from its sources. */
function abortCommand(): readonly string[] {
  const main = import.meta.url;
  if (main.startsWith("file:///$bunfs/")) return [process.execPath, ABORT_MODE];
  return [process.execPath, fileURLToPath(new URL("./abort_main.ts", main))];
}
