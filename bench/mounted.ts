/** A peer's mount for the time of one measurement. */

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { childrenOf } from "../test/support/children.ts";
import type { Peer } from "./peers.ts";

const READY_TIMEOUT_MS = 60_000;
const STEP_MS = 10;

export interface Usage {
  /** Resident memory of the serving process and its children, KiB, with what they map of files. */
  readonly rssKib: number;
  /** CPU time they used so far, user and system, in seconds. */
  readonly cpuSeconds: number;
}

const TICKS_PER_SECOND = 100;

export class PeerMount implements AsyncDisposable {
  #log = "";

  private constructor(
    readonly peer: Peer,
    readonly mountPoint: string,
    readonly child: Bun.Subprocess<"ignore", "ignore", "pipe">,
  ) {
    void this.#collect();
  }

  /** Mounts below `root` and waits until the peer is ready. */
  static async start(peer: Peer, root: string): Promise<PeerMount> {
    const place = join(root, peer.name.replaceAll(/\W+/g, "-"));
    const mountPoint = join(place, "mnt");
    const scratch = join(place, "scratch");
    mkdirSync(mountPoint, { recursive: true });
    mkdirSync(scratch, { recursive: true });
    const child = Bun.spawn([...peer.command(mountPoint, scratch)], {
      // Nothing else that the caller's environment tells S3 clients or rclone.
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", ...peer.env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const mount = new PeerMount(peer, mountPoint, child);
    try {
      await mount.#untilReady();
      return mount;
    } catch (error) {
      child.kill("SIGKILL");
      await mount[Symbol.asyncDispose]();
      throw error;
    }
  }

  get usage(): Usage {
    let rssKib = 0;
    let ticks = 0;
    for (const pid of withDescendants(this.child.pid)) {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      rssKib += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      ticks += Number(fields[11]) + Number(fields[12]);
    }
    return { rssKib, cpuSeconds: ticks / TICKS_PER_SECOND };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let tries = 0; tries < 50 && this.#isMounted; tries++) {
      await Bun.spawn(["umount", this.mountPoint], { stderr: "ignore" }).exited;
      if (this.#isMounted) await Bun.sleep(100);
    }
    await this.child.exited;
  }

  async #untilReady(): Promise<void> {
    const { name, ready } = this.peer;
    const deadline = Date.now() + READY_TIMEOUT_MS;
    const isReady = () =>
      this.#isMounted && (ready === undefined || this.#log.split(ready.text).length > ready.times);
    while (!isReady()) {
      const { exitCode } = this.child;
      if (exitCode !== null) throw new Error(`${name} exited ${exitCode}\n${this.#log}`);
      if (Date.now() > deadline) throw new Error(`${name} was not ready in time\n${this.#log}`);
      await Bun.sleep(STEP_MS);
    }
  }

  get #isMounted(): boolean {
    return readFileSync("/proc/self/mountinfo", "utf8").includes(` ${this.mountPoint} `);
  }

  async #collect(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.child.stderr) this.#log += decoder.decode(chunk);
  }
}

function withDescendants(pid: number): readonly number[] {
  return [pid, ...childrenOf(pid).flatMap(withDescendants)];
}
