/**
 * Opens the files of a directory one after the other and reads a byte of each; prints the
 * milliseconds of each open and read together as JSON.
 *
 *   bun bench/first_byte_reader.ts DIRECTORY COUNT
 */

import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

const [directory = "", count = "20"] = process.argv.slice(2);
// Every other file: who reads ahead from one to the next helps nobody here.
const files = readdirSync(directory)
  .map((name) => join(directory, name))
  .sort()
  .filter((_, i) => i % 2 === 0)
  .slice(0, Number(count));
// Names and sizes are known before, as to a player that shows its library.
for (const file of files) statSync(file);
const into = new Uint8Array(1);
const latencies: number[] = [];
for (const file of files) {
  const started = performance.now();
  const fd = openSync(file, "r");
  readSync(fd, into, 0, 1, 0);
  latencies.push(performance.now() - started);
  closeSync(fd);
}
console.log(JSON.stringify(latencies));
