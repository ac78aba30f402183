/** One mount per cache directory: the kernel is told of changes by the mount that knows of them. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProcessLock } from "../catalog/process_lock.ts";
import { type Clock, sleep } from "../clock.ts";
import { OwnError } from "../errors.ts";

/** How long the kernel may take to end a process that was killed, and with it its locks. */
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
 * Takes the cache directory until disposed. A mount that was killed is given time to end, and its dead
 * mount is removed. Rejects with `busy`, naming the mount that has it.
 */
export async function lockCache(
  cacheDir: string,
  mountPoint: string,
  { clock, cleanUpDeadMount }: CacheLockPorts,
): Promise<Disposable> {
  mkdirSync(cacheDir, { recursive: true, mode: 0o700 });
  const file = join(cacheDir, "mount.lock");
  const deadlineMs = clock.monotonicMs() + ENDING_PATIENCE_MS;
  for (;;) {
    const lock = ProcessLock.tryAcquire(file);
    if (lock !== undefined) {
      writeFileSync(file, `process ${process.pid} on ${mountPoint}\n`);
      return lock;
    }
    const holder = readFileSync(file, "utf8").trim();
    const [, pid, deadMountPoint] = /^process (\d+) on (.*)$/s.exec(holder) ?? [];
    const isEnding = pid !== undefined && !isRunning(pid);
    if (!isEnding || clock.monotonicMs() > deadlineMs) {
      throw new OwnError(
        "busy",
        `the cache directory ${cacheDir} is in use by another mount (${holder}): unmount that one, or give this one another cache_dir`,
      );
    }
    if (deadMountPoint !== undefined) await cleanUpDeadMount(deadMountPoint);
    await sleep(clock, RETRY_MS);
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
