/**
 * Reads the files named by its arguments to their ends, one after the other, and prints what came of
 * it as JSON. A process of its own: nobody may read a mount from the event loop that a test needs.
 * With PAUSE_AFTER_BYTES it prints `paused` when it has read so much of a file, and goes on with the
 * next line of its input.
 */

import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import type { FileRead } from "./read_files.ts";

const PAUSE_AFTER_BYTES = Number(process.env["PAUSE_AFTER_BYTES"] ?? Number.POSITIVE_INFINITY);
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
  let readBytes = 0;
  let paused = false;
  try {
    const fd = timed(() => openSync(path, "r"));
    try {
      for (;;) {
        const length = timed(() => readSync(fd, BUFFER));
        if (length === 0) break;
        hash.update(BUFFER.subarray(0, length));
        readBytes += length;
        if (!paused && readBytes >= PAUSE_AFTER_BYTES) {
          paused = true;
          writeSync(1, "paused\n");
          readSync(0, new Uint8Array(1));
        }
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
