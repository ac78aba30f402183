/** The processes that a process has started, whichever thread of it. */

import { readdirSync, readFileSync } from "node:fs";

/** Those that are still there. */
export function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => startedBy(pid, thread));
}

/** None if the thread has ended since it was listed. */
function startedBy(pid: number, thread: string): readonly number[] {
  try {
    const list = readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1");
    return list.split(" ").filter(Boolean).map(Number);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
