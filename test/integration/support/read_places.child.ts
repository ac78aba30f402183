/**
 * Opens files one after the other and reads places of each: `read_places.child.ts OFFSET:LENGTH,... FILE...`
 * A negative offset counts from the end. Prints how long each file's open and reads took, milliseconds.
 */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const [places = "", ...files] = process.argv.slice(2);
const into = Buffer.alloc(1024 * 1024);

const took = files.map((file) => {
  let sinceMs = performance.now();
  const lap = () => {
    const nowMs = performance.now();
    const ms = nowMs - sinceMs;
    sinceMs = nowMs;
    return ms;
  };
  const fd = openSync(file, "r");
  const openMs = lap();
  const readsMs = places.split(",").map((place) => {
    const [offset = 0, length = 0] = place.split(":").map(Number);
    const from = offset < 0 ? fstatSync(fd).size + offset : offset;
    lap();
    const read = readSync(fd, into, 0, length, from);
    if (read !== length) throw new Error(`${file}: ${read} bytes of ${length} at ${from}`);
    return lap();
  });
  closeSync(fd);
  return { openMs, readsMs };
});
console.log(JSON.stringify(took));
