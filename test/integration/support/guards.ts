/** Guard processes of a mount. */

import { readFileSync } from "node:fs";
import { GUARD_MODE } from "../../../src/core/origins/disk/guard_process.ts";

/** Those that live, stuck ones too. */
export function guardsOf(pid: number): readonly number[] {
  const children = `/proc/${pid}/task/${pid}/children`;
  const pids = readFileSync(children, "utf8").split(" ").filter(Boolean).map(Number);
  return pids.filter((child) => commandOf(child).includes(GUARD_MODE));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    // It ended while it was looked at.
    return "";
  }
}

/** Whether it is in a system call that nothing interrupts. */
export function isStuck(pid: number): boolean {
  return /^\d+ \(.*\) D /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
}
