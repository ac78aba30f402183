/** What descriptors of a process lead to, for leak checks. */

import { readdirSync, readlinkSync } from "node:fs";

/** One target for each descriptor: a path, `socket:[1234]` and the like. */
export function descriptorTargets(pid: number | "self"): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .map((fd) => targetOf(`/proc/${pid}/fd/${fd}`))
    .filter((target) => target !== undefined);
}

/** This process's descriptors of what lies below a directory, as paths from there. */
export function openBelow(directory: string): readonly string[] {
  const below = descriptorTargets("self").filter((target) => target.startsWith(`${directory}/`));
  return below.map((target) => target.slice(directory.length + 1)).sort();
}

/** Undefined for one that was closed meanwhile. */
function targetOf(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
