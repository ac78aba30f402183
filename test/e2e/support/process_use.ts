/** What a process holds of the system, for leak checks. */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface ProcessUse {
  readonly descriptors: number;
  readonly sockets: number;
  readonly threads: number;
  /** Processes that it or a thread of it started and that are still there. */
  readonly children: number;
}

export function processUse(pid: number): ProcessUse {
  const threads = readdirSync(`/proc/${pid}/task`);
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  const children = threads.flatMap((thread) => {
    const list = readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").trim();
    return list === "" ? [] : list.split(" ");
  });
  return {
    descriptors: links.length,
    sockets: links.filter((link) => link.startsWith("socket:")).length,
    threads: threads.length,
    children: children.length,
  };
}

/** `""` for one that was closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}
