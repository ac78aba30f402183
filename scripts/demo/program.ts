/** Running the binary: commands to their end, mounts as processes of their own. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { basename } from "node:path";

/** How long a command, a mount or an unmount may take. */
const DEADLINE_MS = 30_000;
const POLL_MS = 20;

export interface Program {
  readonly binary: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface CommandOutput {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runProgram(
  { binary, env }: Program,
  args: readonly string[],
): Promise<CommandOutput> {
  const child = Bun.spawn([binary, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: DEADLINE_MS,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, status] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { status, stdout, stderr };
}

/** Waits until `condition` holds; throws with `what` when it does not within the deadline. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + DEADLINE_MS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${DEADLINE_MS / 1000} s in vain: ${what}`);
    await Bun.sleep(POLL_MS);
  }
}

/** Mount points, as the kernel lists them, that are `directory` or lie below it. */
export function mountsBelow(directory: string): readonly string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point === directory || point.startsWith(`${directory}/`));
}

/** Takes away a mount whose process is gone; does nothing where none is. */
export function detach(mountPoint: string): void {
  if (!mountsBelow(mountPoint).includes(mountPoint)) return;
  const root = process.getuid?.() === 0;
  Bun.spawnSync(root ? ["umount", "-l", mountPoint] : ["fusermount3", "-u", "-z", mountPoint]);
}

/** A `musicfs mount` that runs; its log is kept in a file. */
export class MountProcess implements AsyncDisposable {
  readonly mountPoint: string;
  readonly #child: Bun.Subprocess;
  readonly #log: string;

  private constructor(mountPoint: string, child: Bun.Subprocess, log: string) {
    this.mountPoint = mountPoint;
    this.#child = child;
    this.#log = log;
  }

  /** Starts a mount and waits until it is there and `origins` origins are scanned. */
  static async start(
    { binary, env }: Program,
    mountPoint: string,
    args: readonly string[],
    origins: number,
  ): Promise<MountProcess> {
    const log = `${mountPoint}.log`;
    const file = openSync(log, "w");
    const child = Bun.spawn([binary, "mount", mountPoint, ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", file, file],
    });
    closeSync(file);
    const mount = new MountProcess(mountPoint, child, log);
    try {
      await until(`${basename(mountPoint)} is mounted and scanned`, () => {
        if (child.exitCode !== null) throw new Error(`musicfs mount ended:\n${mount.log()}`);
        return mount.logged("scanned").length >= origins;
      });
    } catch (error) {
      await mount[Symbol.asyncDispose]();
      throw error;
    }
    return mount;
  }

  log(): string {
    return readFileSync(this.#log, "utf8");
  }

  /** The log's entries with this message. */
  logged(message: string): readonly Readonly<Record<string, unknown>>[] {
    return this.log()
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((entry) => entry["message"] === message);
  }

  /** Waits for its end after an unmount; answers the exit status. */
  async ended(): Promise<number> {
    return await this.#child.exited;
  }

  /** Ends its process as a crash does; the dead mount stays until this is disposed of. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    detach(this.mountPoint);
  }
}
