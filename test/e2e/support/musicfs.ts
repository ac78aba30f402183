/**
 * The compiled binary as tests run it: in a child process, with a home of its own and a deadline. A
 * process must never read its own mount from its event loop, so everything that touches a mount goes
 * through `run`.
 */

import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const BINARY = resolve(import.meta.dir, "../../../dist/musicfs");

const READY_TIMEOUT_MS = 20_000;
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

/** Runs a command to its end; throws when it takes longer than `timeoutMs`. */
export async function run(
  command: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly user?: User | undefined;
    readonly timeoutMs?: number;
    readonly stdin?: string;
  } = {},
): Promise<Outcome> {
  const { timeoutMs = RUN_TIMEOUT_MS, user } = options;
  const asUser = user === undefined ? [] : runAs(user);
  const child = Bun.spawn([...asUser, ...command], {
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
  if (late) throw new Error(`${command.join(" ")} took longer than ${timeoutMs} ms\n${stderr}`);
  return { code, stdout, stderr };
}

/** `run` that throws unless the command exits 0; answers its standard output. */
export async function must(...args: Parameters<typeof run>): Promise<string> {
  const { code, stdout, stderr } = await run(...args);
  if (code !== 0) throw new Error(`${args[0].join(" ")} exited ${code}\n${stdout}${stderr}`);
  return stdout;
}

function runAs({ uid, gid }: User): string[] {
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
}

/** A directory of a test's own, with a home, removed when disposed. */
export class Workspace implements Disposable {
  readonly root: string;
  readonly #user: User | undefined;

  constructor(name: string, user?: User) {
    this.root = mkdtempSync(join(tmpdir(), `musicfs-${name}-`));
    this.#user = user;
    if (user !== undefined) chownSync(this.root, user.uid, user.gid);
    this.directory("home");
    this.directory("mnt");
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  /** Makes a directory below the root, the user's own. */
  directory(...parts: string[]): string {
    const path = this.path(...parts);
    mkdirSync(path, { recursive: true });
    if (this.#user !== undefined) chownSync(path, this.#user.uid, this.#user.gid);
    return path;
  }

  file(path: string, content: string | Uint8Array): string {
    const target = this.path(path);
    mkdirSync(resolve(target, ".."), { recursive: true });
    writeFileSync(target, content);
    return target;
  }

  get mountPoint(): string {
    return this.path("mnt");
  }

  get env(): Readonly<Record<string, string>> {
    const home = this.path("home");
    return {
      HOME: home,
      XDG_CONFIG_HOME: join(home, "config"),
      XDG_CACHE_HOME: join(home, "cache"),
      XDG_RUNTIME_DIR: this.directory("home", "run"),
    };
  }

  musicfs(...args: string[]): Promise<Outcome> {
    return run([BINARY, ...args], { env: this.env, user: this.#user });
  }

  get user(): User | undefined {
    return this.#user;
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** A running `musicfs mount`, in the foreground of a child process. */
export class Mount implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #stderr: Promise<string>;
  #log = "";

  private constructor(
    readonly workspace: Workspace,
    child: Bun.Subprocess<"ignore", "pipe", "pipe">,
  ) {
    this.#child = child;
    this.#stderr = this.#collect();
  }

  /** Mounts at the workspace's mount point and waits until the tree can be used. */
  static async start(
    workspace: Workspace,
    args: readonly string[],
    options: { readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<Mount> {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: npm run build makes it`);
    const asUser = workspace.user === undefined ? [] : runAs(workspace.user);
    const child = Bun.spawn([...asUser, BINARY, "mount", workspace.mountPoint, ...args], {
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", ...workspace.env, ...options.env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const mount = new Mount(workspace, child);
    await mount.#waitUntilReady();
    return mount;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Everything logged so far. */
  get log(): string {
    return this.#log;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The exit code; throws when the process does not end in time. */
  async exited(timeoutMs = 10_000): Promise<number> {
    const timer = Promise.withResolvers<"late">();
    const timeout = setTimeout(() => timer.resolve("late"), timeoutMs);
    const code = await Promise.race([this.#child.exited, timer.promise]);
    clearTimeout(timeout);
    if (code === "late") throw new Error(`musicfs did not end within ${timeoutMs} ms\n${this.#log}`);
    await this.#stderr;
    return code;
  }

  /** Ends the mount as a user would and waits for the process. */
  async stop(): Promise<number> {
    this.kill("SIGTERM");
    return await this.exited();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.kill("SIGTERM");
      await Promise.race([this.#child.exited, Bun.sleep(5000)]);
      this.#child.kill("SIGKILL");
      await this.#child.exited;
    }
    if (await isMounted(this.workspace.mountPoint)) {
      await run(["umount", "-l", this.workspace.mountPoint]);
    }
  }

  async #waitUntilReady(): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (!this.#log.includes("mounted")) {
      if (this.#child.exitCode !== null) {
        throw new Error(`musicfs mount exited ${this.#child.exitCode}\n${await this.#stderr}`);
      }
      if (Date.now() > deadline) throw new Error(`the mount did not get ready\n${this.#log}`);
      await Bun.sleep(10);
    }
  }

  async #collect(): Promise<string> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stderr) this.#log += decoder.decode(chunk);
    return this.#log;
  }
}

/** Whether a MusicFS mount lies on the path; never touches the mount itself. */
export async function isMounted(path: string): Promise<boolean> {
  const table = await Bun.file("/proc/self/mountinfo").text();
  return table.includes(` ${path} `);
}

/** Waits until `check` holds; throws with `what` after `timeoutMs`. */
export async function eventually(
  what: string,
  check: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await Bun.sleep(50);
  }
}
