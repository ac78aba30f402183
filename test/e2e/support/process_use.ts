/** What a process holds of the system, for leak checks. */

import { readdirSync, readFileSync } from "node:fs";
import { childrenOf } from "../../support/children.ts";
import { descriptorTargets } from "../../support/descriptors.ts";

export interface ProcessUse {
  readonly descriptors: number;
  readonly sockets: number;
  readonly threads: number;
  /** Processes that it or a thread of it started and that are still there. */
  readonly children: number;
}

export function processUse(pid: number): ProcessUse {
  const threads = readdirSync(`/proc/${pid}/task`);
  const targets = descriptorTargets(pid);
  const children = childrenOf(pid);
  return {
    descriptors: targets.length,
    sockets: targets.filter((target) => target.startsWith("socket:")).length,
    threads: threads.length,
    children: children.length,
  };
}

/** Processor time of all its threads so far, in ticks of 10 ms. */
export function processorTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // utime and stime, proc(5).
  return Number(fields[11]) + Number(fields[12]);
}

/** Memory that it has to itself, in bytes; what it maps of its binary is not counted. */
export function privateBytes(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  return Number(/^Private_Dirty:\s+(\d+) kB$/m.exec(rollup)?.[1]) * 1024;
}
