/** What `AbortOnDeath` starts once a mount's main thread is dead. */

import { readdirSync, readFileSync } from "node:fs";
import { abortConnection } from "./connection.ts";

/** A process that was killed and that nothing keeps is gone long before. */
const GRACE_MS = 500;
const STEP_MS = 20;

/**
 * Arguments: the process, its connection and its mount point. Aborts the connection if the process is
 * still there although it is dead. One that has ended has let go of its connection.
 */
export async function abortMain(
  [pid, connection, mountPoint]: readonly string[],
  graceMs = GRACE_MS,
): Promise<void> {
  if (pid === undefined || connection === undefined || mountPoint === undefined) return;
  const endMs = performance.now() + graceMs;
  while (isKept(pid)) {
    if (performance.now() > endMs) {
      abortConnection(Number(connection), mountPoint);
      return;
    }
    await Bun.sleep(STEP_MS);
  }
}

/** Whether its main thread is dead and another one is not. A process that nobody has waited for is no such. */
function isKept(pid: string): boolean {
  try {
    const isDead = /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
    return isDead && readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    // It is gone.
    return false;
  }
}

if (import.meta.main) await abortMain(process.argv.slice(2));
