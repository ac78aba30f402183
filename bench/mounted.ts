/** A peer's mount for the time of one measurement. */

import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import type { Peer } from "./peers.ts";

const READY_TIMEOUT_MS = 30_000;

export interface Usage {
  /** Resident memory of the serving process, KiB, without what it shares with its file. */
  readonly rssKib: number;
  /** CPU time used so far, in clock ticks. */
  readonly cpuTicks: number;
}

export class PeerMount implements AsyncDisposable {
  private constructor(
    readonly mountPoint: string,
    readonly child: Bun.Subprocess,
  ) {}

  /** Mounts and waits until the tree can be listed. */
  static async start(
    peer: Peer,
    source: string,
    mountPoint: string,
    scratch: string,
  ): Promise<PeerMount> {
    mkdirSync(mountPoint, { recursive: true });
    const child = Bun.spawn([...peer.command(source, mountPoint, scratch)], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    const mount = new PeerMount(mountPoint, child);
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (!isMounted(mountPoint)) {
      if (child.exitCode !== null) throw new Error(`${peer.name} exited ${child.exitCode}`);
      if (Date.now() > deadline) throw new Error(`${peer.name} did not mount in time`);
      await Bun.sleep(20);
    }
    return mount;
  }

  usage(): Usage {
    let rssKib = 0;
    let cpuTicks = 0;
    for (const pid of withDescendants(this.child.pid)) {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      rssKib += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      cpuTicks += Number(fields[11]) + Number(fields[12]);
    }
    return { rssKib, cpuTicks };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let tries = 0; tries < 50 && isMounted(this.mountPoint); tries++) {
      await Bun.spawn(["umount", this.mountPoint], { stderr: "ignore" }).exited;
      if (isMounted(this.mountPoint)) await Bun.sleep(100);
    }
    await this.child.exited;
  }
}

function isMounted(path: string): boolean {
  return readFileSync("/proc/self/mountinfo", "utf8").includes(` ${path} `);
}

function withDescendants(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean),
  );
  return [pid, ...children.flatMap((child) => withDescendants(Number(child)))];
}
