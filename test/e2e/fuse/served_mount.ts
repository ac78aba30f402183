/** Starts serve.ts for a test and takes everything away after it. Needs root. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { abortConnection, type Mounted, unmount } from "../../../src/core/fuse/device.ts";
import { musicfsMountAt } from "../../../src/core/fuse/mount_point.ts";

const SERVE = join(import.meta.dir, "serve.ts");
const NOBODY = "65534";

/** Nothing in these tests takes longer; what does hangs. */
const DEADLINE_MS = 60_000;

/**
 * A shell command that runs the rest of its arguments as nobody, in a mount namespace where everyone
 * may open /dev/fuse, as udev has it.
 */
export const AS_NOBODY: readonly string[] = [
  "unshare",
  "-m",
  "sh",
  "-ec",
  [
    "mount -t tmpfs tmpfs /mnt",
    "mknod /mnt/fuse c 10 229",
    "chmod 666 /mnt/fuse",
    "mount --bind /mnt/fuse /dev/fuse",
    `exec setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups "$@"`,
  ].join("\n"),
  "sh",
];

export interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command, killed at the deadline. */
export async function run(...command: readonly string[]): Promise<Outcome> {
  const child = Bun.spawn([...command], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, LC_ALL: "C" },
    timeout: DEADLINE_MS,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode: child.exitCode, stdout, stderr };
}

/** `run` in a shell with the mount point as `$1`. */
export function shell(script: string, mountPoint: string): Promise<Outcome> {
  return run("sh", "-c", script, "sh", mountPoint);
}

export function serveCommand(mountPoint: string, ...options: readonly string[]): readonly string[] {
  return [process.execPath, SERVE, mountPoint, ...options];
}

export class ServedMount implements AsyncDisposable {
  readonly #lines: string[] = [];
  readonly #output: Promise<void>;
  #wake: (() => void) | undefined;

  private constructor(
    readonly mountPoint: string,
    readonly server: Bun.Subprocess<"ignore", "pipe", "inherit">,
  ) {
    this.#output = this.#collect();
  }

  static async start(...options: readonly string[]): Promise<ServedMount> {
    return ServedMount.startOn(mkdtempSync(join(tmpdir(), "musicfs-e2e-")), ...options);
  }

  static async startOn(mountPoint: string, ...options: readonly string[]): Promise<ServedMount> {
    const server = Bun.spawn([...serveCommand(mountPoint, ...options)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const served = new ServedMount(mountPoint, server);
    await served.#line(0);
    return served;
  }

  async #collect(): Promise<void> {
    let text = "";
    for await (const chunk of this.server.stdout) {
      text += Buffer.from(chunk).toString();
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      this.#lines.push(...lines);
      this.#wake?.();
    }
  }

  async #line(index: number): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error("the server says nothing")), DEADLINE_MS);
    this.#wake = () => {
      if (this.#lines.length > index) resolve();
    };
    this.#wake();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
    return this.#lines[index] ?? "";
  }

  async mounted(): Promise<Mounted> {
    return JSON.parse(await this.#line(0)) as Mounted;
  }

  /** How often each request came; known once the mount has ended. */
  async counts(): Promise<Readonly<Record<string, number>>> {
    const counts = JSON.parse(await this.#line(1)) as Record<string, number>;
    await this.#output;
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let mount = musicfsMountAt(this.mountPoint); mount !== undefined; ) {
      abortConnection(mount.minor, this.mountPoint);
      mount = musicfsMountAt(this.mountPoint);
      if (mount !== undefined) await unmount(this.mountPoint, { lazy: true });
      mount = musicfsMountAt(this.mountPoint);
    }
    this.server.kill("SIGKILL");
    await this.server.exited;
    rmSync(this.mountPoint, { recursive: true, force: true });
  }
}
