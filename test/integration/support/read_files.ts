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

/** A reading that waits in the middle of its file. */
export interface PausedRead {
  readonly goOn: () => Promise<FileRead>;
}

const CHILD = join(import.meta.dir, "read_files.child.ts");

/** Reads the files one after the other in a process of their own. */
export async function readFiles(paths: readonly string[]): Promise<readonly FileRead[]> {
  return JSON.parse(await must([process.execPath, CHILD, ...paths]));
}

/** Reads a file in a process of its own; resolves when `afterBytes` of it were read. */
export async function readPausing(path: string, afterBytes: number): Promise<PausedRead> {
  const child = Bun.spawn([process.execPath, CHILD, path], {
    env: { ...process.env, PAUSE_AFTER_BYTES: String(afterBytes) },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const output = new TextDecoderStream();
  const lines = child.stdout.pipeThrough(output).getReader();
  const first = await lines.read();
  if (first.value !== "paused\n") throw new Error(`${path}: ${first.value ?? "no answer"}`);
  return {
    async goOn() {
      child.stdin.write("\n");
      child.stdin.end();
      let rest = "";
      for (let next = await lines.read(); !next.done; next = await lines.read()) rest += next.value;
      const [read] = JSON.parse(rest) as readonly FileRead[];
      if (read === undefined) throw new Error(`${path}: no reader answered`);
      return read;
    },
  };
}
