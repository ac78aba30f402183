/** One mount per cache directory: the kernel is told of changes by the mount that knows of them. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProcessLock } from "../catalog/process_lock.ts";
import { type Clock, sleep } from "../clock.ts";
import { OwnError } from "../errors.ts";
import { canonicalMountPoint } from "../fuse/mount_point.ts";
import { mountAt, readMountInfo } from "../sys/mountinfo.ts";

/**
 * How long a mount may take to end after it was unmounted, or the kernel to end a process that was
 * killed, and with it its locks.
 */
const ENDING_PATIENCE_MS = 5000;
const RETRY_MS = 20;

export interface CacheLockPorts {
  readonly clock: Clock;
  /**
   * Removes a mount whose process is gone. One that was killed may not end before: a thread of it
   * waits in the kernel for an answer to a request that nobody will ever give.
   */
  readonly cleanUpDeadMount: (mountPoint: string) => Promise<unknown>;
}

/**
 * Takes the cache directory until disposed. A mount that was unmounted or killed is given time to end,
 * and the dead mount of one that was killed is removed. Rejects with `busy`, naming the mount that has
 * it, and with `mount` when the mount point's directory cannot be looked at.
 */
export async function lockCache(
  cacheDir: string,
  mountPoint: string,
  { clock, cleanUpDeadMount }: CacheLockPorts,
): Promise<Disposable> {
  mkdirSync(cacheDir, { recursive: true, mode: 0o700 });
  const file = join(cacheDir, "mount.lock");
  const place = canonicalMountPoint(mountPoint);
  const deadlineMs = clock.monotonicMs() + ENDING_PATIENCE_MS;
  for (;;) {
    const lock = ProcessLock.tryAcquire(file);
    if (lock !== undefined) {
      writeFileSync(file, `process ${process.pid} on ${place}\n`);
      return lock;
    }
    const holder = readHolder(file);
    if (holder.state === "mounted" || clock.monotonicMs() > deadlineMs) {
      throw inUse(cacheDir, holder);
    }
    if (holder.state === "dead") await cleanUpDeadMount(holder.mountPoint);
    await sleep(clock, RETRY_MS);
  }
}

interface Holder {
  /** As the file has it, to be shown. */
  readonly name: string;
  /** Canonical when it was written. */
  readonly mountPoint: string;
  /**
   * `dead`: killed, its locks will go. `unmounted`: it has ended its mount and is ending itself,
   * or is about to mount.
   */
  readonly state: "mounted" | "unmounted" | "dead";
}

/** A file that says nothing yet is that of a mount that has just taken the lock. */
function readHolder(file: string): Holder {
  const name = readFileSync(file, "utf8").trim();
  const [, pid, mountPoint] = /^process (\d+) on (.*)$/s.exec(name) ?? [];
  if (pid === undefined || mountPoint === undefined) {
    return { name: name === "" ? "just starting" : name, mountPoint: "", state: "unmounted" };
  }
  if (!isRunning(pid)) return { name, mountPoint, state: "dead" };
  return { name, mountPoint, state: hasMount(pid, mountPoint) ? "mounted" : "unmounted" };
}

function inUse(cacheDir: string, { name, state }: Holder): OwnError {
  const remedy =
    state === "mounted"
      ? "unmount that one"
      : "that one is not in the mount table, but has not ended: end who still uses it, or end it";
  return new OwnError(
    "busy",
    `the cache directory ${cacheDir} is in use by another mount (${name}): ${remedy}, or give this one another cache_dir`,
  );
}

/** Whether a process, which may live among other mounts than this one, has its mount in the table. */
function hasMount(pid: string, mountPoint: string): boolean {
  try {
    return mountAt(readMountInfo(pid), mountPoint) !== undefined;
  } catch (error) {
    // Gone meanwhile; or not ours to look at, and then nothing says that it is ending.
    if (error instanceof Error && "code" in error) return error.code === "EACCES";
    throw error;
  }
}

/** SIGKILL in a mask of signals. */
const KILL_BIT = 1n << 8n;

/**
 * False for a process that is gone, that is a zombie because its first thread is (the others follow
 * it), or that was killed and has not noticed yet.
 */
function isRunning(pid: string): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    if (/^State:\s+[ZX]/m.test(status)) return false;
    const masks = [...status.matchAll(/^(?:SigPnd|ShdPnd):\s+([0-9a-f]+)$/gm)];
    return masks.every(([, mask]) => (BigInt(`0x${mask}`) & KILL_BIT) === 0n);
  } catch (error) {
    if (error instanceof Error && "code" in error) return false;
    throw error;
  }
}
