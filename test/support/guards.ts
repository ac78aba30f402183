/** Guard processes of a mount, or of an origin in a test. */

import { readFileSync } from "node:fs";
import { GUARD_MODE } from "../../src/core/origins/disk/guard_process.ts";
import { childrenOf } from "./children.ts";

/** Those that live, stuck ones too; `mark` is in their command. */
export function guardsOf(pid: number, mark = GUARD_MODE): readonly number[] {
  return childrenOf(pid).filter((child) => commandOf(child).includes(mark));
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
