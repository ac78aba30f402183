/** Files of a mount as a program reads them. */

import { join } from "node:path";
import { must } from "../../e2e/support/process.ts";

export interface FileRead {
  readonly path: string;
  /** SHA-256 of the whole file in hex, or the name of the error that ended the reading. */
  readonly content: string;
  /** The longest that a system call took. */
  readonly slowestMs: number;
  readonly tookMs: number;
}

const CHILD = join(import.meta.dir, "read_files.child.ts");

/** Reads the files one after the other in a process of their own. */
export async function readFiles(paths: readonly string[]): Promise<readonly FileRead[]> {
  return JSON.parse(await must([process.execPath, CHILD, ...paths]));
}
