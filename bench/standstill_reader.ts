/**
 * Reads a file from one end to the other and prints the milliseconds of the slowest read behind
 * `breakAt`. Waits for a line on standard input at `pauseAt`; says `now` and does not wait when it comes
 * to `breakAt`.
 *
 *   bun bench/standstill_reader.ts FILE PAUSE_AT_BYTES BREAK_AT_BYTES
 */

import { openSync, readSync, writeSync } from "node:fs";

const [file = "", pauseAt = "0", breakAt = "0"] = process.argv.slice(2);
const into = new Uint8Array(128 * 1024);
const fd = openSync(file, "r");
let done = 0;
let slowestMs = 0;
let hasPaused = false;
let isBroken = false;
for (;;) {
  const startedMs = performance.now();
  const read = readSync(fd, into, 0, into.byteLength, done);
  const tookMs = performance.now() - startedMs;
  if (read === 0) break;
  done += read;
  if (isBroken) slowestMs = Math.max(slowestMs, tookMs);
  if (!hasPaused && done >= Number(pauseAt)) {
    hasPaused = true;
    writeSync(1, "paused\n");
    readSync(0, into, 0, 1, null);
  }
  if (!isBroken && done >= Number(breakAt)) {
    isBroken = true;
    writeSync(1, "now\n");
  }
}
console.log(JSON.stringify({ bytes: done, slowestMs }));
