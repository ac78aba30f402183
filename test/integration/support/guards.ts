/** Guard processes of a mount. */

import { readFileSync } from "node:fs";

/** Those that live, stuck ones too. */
export function guardsOf(pid: number): readonly number[] {
  const children = `/proc/${pid}/task/${pid}/children`;
  return readFileSync(children, "utf8").split(" ").filter(Boolean).map(Number);
}

/** Whether it is in a system call that nothing interrupts. */
export function isStuck(pid: number): boolean {
  return /^\d+ \(.*\) D /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
}
