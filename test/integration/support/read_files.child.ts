/**
 * Reads the files named by its arguments to their ends, one after the other, and prints what came of
 * it as JSON. A process of its own: nobody may read a mount from the event loop that a test needs.
 */

import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import type { FileRead } from "./read_files.ts";

const BUFFER = new Uint8Array(128 * 1024);

function readFile(path: string): FileRead {
  const startedMs = performance.now();
  let slowestMs = 0;
  const timed = <T>(call: () => T): T => {
    const callMs = performance.now();
    try {
      return call();
    } finally {
      slowestMs = Math.max(slowestMs, performance.now() - callMs);
    }
  };
  const hash = createHash("sha256");
  let error: string | undefined;
  try {
    const fd = timed(() => openSync(path, "r"));
    try {
      for (;;) {
        const length = timed(() => readSync(fd, BUFFER));
        if (length === 0) break;
        hash.update(BUFFER.subarray(0, length));
      }
    } finally {
      closeSync(fd);
    }
  } catch (thrown) {
    error = thrown instanceof Error && "code" in thrown ? String(thrown.code) : String(thrown);
  }
  const content = error ?? hash.digest("hex");
  return { path, content, slowestMs, tookMs: performance.now() - startedMs };
}

console.log(JSON.stringify(process.argv.slice(2).map(readFile)));
