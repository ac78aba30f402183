/**
 * A directory mounted by a program that a test can stop: while bindfs does not run, every system
 * call on its mount hangs, as on a network mount whose server is away.
 */

import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { mountAt, readMountInfo } from "../../../src/core/sys/mountinfo.ts";
import { LocalTree } from "../../support/local_tree.ts";

/** Far more than a loaded machine takes: what is not so by then never will be. */
const READY_MS = 60_000;

export interface BindfsOptions {
  /**
   * Puts a second bindfs beneath the first and stops that one: requests are then already being
   * served when they hang, and the kernel lets a process that waits for one not even be killed.
   */
  readonly unkillable?: boolean;
}

export class BindfsMount implements AsyncDisposable {
  /** `root` is the mount point. */
  readonly tree = new LocalTree();
  readonly #source = join(this.tree.directory, "source");
  readonly #beneath = join(this.tree.directory, "beneath");
  #server: Bun.Subprocess | undefined;
  #serverBeneath: Bun.Subprocess | undefined;

  private constructor(readonly options: BindfsOptions) {
    mkdirSync(this.#source);
    mkdirSync(this.#beneath);
  }

  static async create(options: BindfsOptions = {}): Promise<BindfsMount> {
    const mount = new BindfsMount(options);
    await mount.mount();
    return mount;
  }

  async mount(): Promise<void> {
    if (this.options.unkillable) this.#serverBeneath = await bindfs(this.#source, this.#beneath);
    const shown = this.options.unkillable ? this.#beneath : this.#source;
    this.#server = await bindfs(shown, this.tree.root);
  }

  get isMounted(): boolean {
    return isMounted(this.tree.root);
  }

  /** Every call on the mount hangs from now on. */
  async stop(): Promise<void> {
    const server = this.#serverBeneath ?? this.#server;
    server?.kill("SIGSTOP");
    // Its threads stop one after the other, and until then go on serving.
    await until(() => server === undefined || isStopped(server.pid));
  }

  /** What hung goes on. */
  go(): void {
    (this.#serverBeneath ?? this.#server)?.kill("SIGCONT");
  }

  /** The server dies and leaves its mount behind, on which every call fails with ENOTCONN. */
  async crash(): Promise<void> {
    this.#server?.kill("SIGKILL");
    await this.#server?.exited;
  }

  async unmount(): Promise<void> {
    this.go();
    for (const at of [this.tree.root, this.#beneath]) {
      if (isMounted(at)) Bun.spawnSync(["umount", "-l", at]);
      await until(() => !isMounted(at));
    }
    await Promise.all([this.#server?.exited, this.#serverBeneath?.exited]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmount();
    this.tree[Symbol.dispose]();
  }
}

function isMounted(path: string): boolean {
  return mountAt(readMountInfo(), path) !== undefined;
}

function isStopped(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) => {
    const stat = threadStat(pid, thread);
    return stat === undefined || stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
  });
}

/** Undefined for a thread that ended while it was looked at. */
function threadStat(pid: number, thread: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/stat`, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

async function bindfs(source: string, mountPoint: string): Promise<Bun.Subprocess> {
  const server = Bun.spawn(["bindfs", "-f", "--multithreaded", source, mountPoint], {
    stdin: "ignore",
    stdout: "ignore",
    // It complains when its mount is taken away beneath it, as tests do.
    stderr: "ignore",
  });
  await until(() => isMounted(mountPoint) || server.exitCode !== null);
  if (server.exitCode !== null) throw new Error(`bindfs does not mount at ${mountPoint}`);
  return server;
}

/** Waits for what happens outside of this process. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  withinMs = READY_MS,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not so within ${withinMs} ms: ${holds}`);
    await Bun.sleep(5);
  }
}
