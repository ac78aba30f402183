/** Child processes of tests: each has a deadline, and may be an ordinary user in a place of its own. */

import { readFileSync } from "node:fs";
import { keepForGate } from "../../support/transcript.ts";

const RUN_TIMEOUT_MS = 60_000;

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** An ordinary user for tests run by root; undefined runs as whoever runs the tests. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

export const NOBODY: User = { uid: 65534, gid: 65534 };

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: User | undefined;
  /** Where the command runs; default: this process's own namespace. */
  readonly namespace?: MountNamespace | undefined;
  readonly timeoutMs?: number;
  readonly stdin?: string;
}

/** The command as `user` in `namespace`, for Bun.spawn. */
export function commandFor(
  command: readonly string[],
  { user, namespace }: Pick<RunOptions, "user" | "namespace">,
): string[] {
  const entered = namespace === undefined ? [] : ["nsenter", `--mount=${namespace.file}`];
  const asUser =
    user === undefined
      ? []
      : ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups"];
  return [...entered, ...asUser, ...command];
}

/** Runs a command to its end; throws when it takes longer than `timeoutMs`. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { timeoutMs = RUN_TIMEOUT_MS } = options;
  const child = Bun.spawn(commandFor(command, options), {
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C.UTF-8", ...options.env },
    stdin: options.stdin === undefined ? "ignore" : new TextEncoder().encode(options.stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(timer);
  keepForGate(`$ ${command.join(" ")}\n${stdout}${stderr}`);
  if (late) throw new Error(`${command.join(" ")} took longer than ${timeoutMs} ms\n${stderr}`);
  return { code, stdout, stderr };
}

/** `run` that throws unless the command exits 0; answers its standard output. */
export async function must(...args: Parameters<typeof run>): Promise<string> {
  const { code, stdout, stderr } = await run(...args);
  if (code !== 0) throw new Error(`${args[0].join(" ")} exited ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** Waits until `check` holds; throws with `what` after `timeoutMs`. */
export async function eventually(
  what: string,
  check: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await Bun.sleep(50);
  }
}

/** Whether the process runs; one that ended and was not waited for does not. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch (error) {
    if (error instanceof Error && "code" in error) return false;
    throw error;
  }
}

/**
 * A mount namespace in which everyone may open /dev/fuse, as udev has it: where ordinary users
 * mount, whatever this machine's own /dev is like. Needs root.
 */
export class MountNamespace implements AsyncDisposable {
  private constructor(readonly holder: Bun.Subprocess) {}

  /** `copiesMounts`: with the mounts of MusicFS, which it keeps from ending. Default: without. */
  static async create(copiesMounts = false): Promise<MountNamespace> {
    const ours = "grep ' - fuse.musicfs ' /proc/self/mountinfo | cut -d ' ' -f 5";
    const script = [
      ...(copiesMounts ? [] : [`${ours} | xargs -r umount -l`]),
      "mount -t tmpfs tmpfs /mnt",
      "mknod /mnt/fuse c 10 229",
      "chmod 666 /mnt/fuse",
      "mount --bind /mnt/fuse /dev/fuse",
      "echo ready",
      "exec sleep 600",
    ].join("\n");
    const holder = Bun.spawn(["unshare", "-m", "sh", "-ec", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const { value } = await holder.stdout.getReader().read();
    if (value === undefined) throw new Error("no mount namespace can be made");
    return new MountNamespace(holder);
  }

  /** For nsenter(1). */
  get file(): string {
    return `/proc/${this.holder.pid}/ns/mnt`;
  }

  /** The mount table of the namespace. */
  get mountTable(): string {
    return `/proc/${this.holder.pid}/mountinfo`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.holder.kill("SIGKILL");
    await this.holder.exited;
  }
}
