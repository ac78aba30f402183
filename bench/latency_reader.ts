/**
 * Reads a file at random places, 64 KiB each, past the mount's page cache, for so long and with a
 * pause between two reads; prints the reads' milliseconds as JSON. A read that fails counts for none.
 *
 *   bun bench/latency_reader.ts FILE SECONDS PAUSE_MS
 */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

const [file = "", seconds = "1", pauseMs = "1"] = process.argv.slice(2);
const BLOCK_BYTES = 65_536;
// On a FUSE mount O_DIRECT asks nothing of the buffer's alignment.
const fd = openSync(file, constants.O_RDONLY | constants.O_DIRECT);
const blocks = Math.floor(fstatSync(fd).size / BLOCK_BYTES);
const into = new Uint8Array(BLOCK_BYTES);
const latencies: number[] = [];
const deadline = performance.now() + Number(seconds) * 1000;
while (performance.now() < deadline) {
  const place = Math.floor(Math.random() * blocks) * BLOCK_BYTES;
  const started = performance.now();
  try {
    readSync(fd, into, 0, BLOCK_BYTES, place);
    latencies.push(performance.now() - started);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EIO")) throw error;
  }
  await Bun.sleep(Number(pauseMs));
}
closeSync(fd);
console.log(JSON.stringify(latencies));
