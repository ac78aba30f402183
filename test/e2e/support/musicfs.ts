/**
 * The compiled binary as tests run it: in a child process, with a home of its own and a deadline. A
 * process must never read its own mount from its event loop, so everything that touches a mount goes
 * through `run`.
 */

import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BINARY } from "../../support/binary.ts";
import { keepForGate } from "../../support/transcript.ts";
import {
  commandFor,
  eventually,
  type MountNamespace,
  must,
  type Outcome,
  type RunOptions,
  run,
  type User,
} from "./process.ts";

export * from "../../support/binary.ts";
export * from "./process.ts";

const READY_TIMEOUT_MS = 60_000;

/** A directory of a test's own, with a home, removed when disposed. */
export class Workspace implements Disposable {
  readonly root: string;

  /** All of it belongs to `user`, whose commands run in `namespace`. */
  constructor(
    name: string,
    readonly user?: User,
    readonly namespace?: MountNamespace,
  ) {
    this.root = mkdtempSync(join(tmpdir(), `musicfs-${name}-`));
    // Other users are shown what the mount shows them, not stopped on their way to it.
    chmodSync(this.root, 0o755);
    this.#own(this.root);
    this.directory("home");
    this.directory("mnt");
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  /** Makes a directory below the root, the user's own. */
  directory(...parts: string[]): string {
    const path = this.path(...parts);
    if (path === this.root || existsSync(path)) return path;
    this.directory(dirname(join(...parts)));
    mkdirSync(path);
    this.#own(path);
    return path;
  }

  /** Makes or replaces a file, with the directories above it. */
  file(path: string, content: string | Uint8Array): string {
    const target = this.path(path);
    this.directory(dirname(path));
    writeFileSync(target, content);
    this.#own(target);
    return target;
  }

  /** Makes or replaces a configuration file; answers the flags that use it. */
  config(text: string): readonly string[] {
    const file = this.file("config.toml", text);
    chmodSync(file, 0o600);
    return ["--config", file];
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
    return this.run([BINARY, ...args]);
  }

  /** Runs a command as the user whose workspace it is. */
  run(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return run(command, this.#mine(options));
  }

  must(command: readonly string[], options: RunOptions = {}): Promise<string> {
    return must(command, this.#mine(options));
  }

  /** Runs a script with the mount point as `$1` and `args` behind it; throws unless it exits 0. */
  shell(script: string, ...args: readonly string[]): Promise<string> {
    return this.must(["sh", "-c", script, "sh", this.mountPoint, ...args]);
  }

  /** Whether something is mounted at the mount point. Never touches the mount. */
  get isMounted(): boolean {
    return tableHas(this.mountPoint, this.namespace?.mountTable);
  }

  [Symbol.dispose](): void {
    for (const log of new Bun.Glob("home/**/*.log").scanSync({ cwd: this.root, dot: true })) {
      keepForGate(readFileSync(this.path(log), "utf8"));
    }
    rmSync(this.root, { recursive: true, force: true });
  }

  #mine(options: RunOptions): RunOptions {
    const { user, namespace, env } = this;
    return { user, namespace, ...options, env: { ...env, ...options.env } };
  }

  #own(path: string): void {
    if (this.user !== undefined) chownSync(path, this.user.uid, this.user.gid);
  }
}

export interface MountOptions {
  readonly env?: Readonly<Record<string, string>>;
}

/** A running `musicfs mount`, in the foreground of a child process. */
export class Mount implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"ignore", "ignore", "pipe">;
  readonly #stderr: Promise<string>;
  #log = "";

  private constructor(
    readonly workspace: Workspace,
    child: Bun.Subprocess<"ignore", "ignore", "pipe">,
  ) {
    this.#child = child;
    this.#stderr = this.#collect();
  }

  /** Mounts at the workspace's mount point and waits until the tree can be used. */
  static async start(
    workspace: Workspace,
    args: readonly string[],
    options: MountOptions = {},
  ): Promise<Mount> {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: npm run build makes it`);
    const command = [BINARY, "mount", workspace.mountPoint, ...args];
    const child = Bun.spawn(commandFor(command, workspace), {
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", ...workspace.env, ...options.env },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    const mount = new Mount(workspace, child);
    return await mount.readyOnce(() => mount.logged('"message":"mounted"'));
  }

  /** As `start`, and waits until each of the origins was scanned. */
  static async scanned(
    workspace: Workspace,
    args: readonly string[],
    options: MountOptions = {},
  ): Promise<Mount> {
    const mount = await Mount.start(workspace, args, options);
    const origins = /"message":"mounted",.*"origins":(\d+)/.exec(mount.log)?.[1];
    return await mount.readyOnce(() =>
      eventually("each origin is scanned", () => mount.scannedOrigins === Number(origins)),
    );
  }

  /** The arguments for local origins in this order of priority. */
  static origins(...paths: readonly string[]): string[] {
    return paths.flatMap((path) => ["--origin", path]);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Everything logged so far. */
  get log(): string {
    return this.#log;
  }

  /** Lines logged so far that hold `text`. */
  lines(text: string): readonly string[] {
    return this.#log.split("\n").filter((line) => line.includes(text));
  }

  /** Waits until so many lines that hold `text` were logged. */
  async logged(text: string, times = 1): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (this.lines(text).length < times) {
      if (this.#child.exitCode !== null) {
        throw new Error(`musicfs mount exited ${this.#child.exitCode}\n${await this.#stderr}`);
      }
      if (Date.now() > deadline) throw new Error(`not logged: ${text}\n${this.#log}`);
      await Bun.sleep(10);
    }
  }

  /** How many origins were scanned so far, however often. */
  get scannedOrigins(): number {
    const scans = this.#log.matchAll(/"message":"scanned","origin":"([^"]+)"/g);
    return new Set([...scans].map(([, origin]) => origin)).size;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The exit code; throws when the process does not end in time. */
  async exited(timeoutMs = 60_000): Promise<number> {
    const timer = Promise.withResolvers<"late">();
    const timeout = setTimeout(() => timer.resolve("late"), timeoutMs);
    const code = await Promise.race([this.#child.exited, timer.promise]);
    clearTimeout(timeout);
    if (code === "late")
      throw new Error(`musicfs did not end within ${timeoutMs} ms\n${this.#log}`);
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
    const { mountPoint, namespace } = this.workspace;
    if (this.workspace.isMounted) await run(["umount", "-l", mountPoint], { namespace });
  }

  /** This mount when `ready` resolves; ended when that fails, as nobody holds it yet. */
  async readyOnce(ready: () => Promise<void>): Promise<this> {
    try {
      await ready();
      return this;
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #collect(): Promise<string> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stderr) this.#log += decoder.decode(chunk);
    keepForGate(this.#log);
    return this.#log;
  }
}

/** Whether something is mounted on the path; never touches the mount itself. */
export async function isMounted(path: string): Promise<boolean> {
  return tableHas(path);
}

function tableHas(path: string, table = "/proc/self/mountinfo"): boolean {
  return readFileSync(table, "utf8").includes(` ${path} `);
}
