/**
 * Opens every file of a directory and reads its beginning, and with all of them open reads the files
 * of another one side by side, to their ends: `read_much.child.ts OPENED STREAMED`.
 */

import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";

const [opened = "", streamed = ""] = process.argv.slice(2);
const into = Buffer.alloc(64 * 1024);

const descriptors = readdirSync(opened).map((name) => {
  const fd = openSync(join(opened, name), "r");
  readSync(fd, into, 0, into.byteLength, 0);
  return fd;
});
const readers = readdirSync(streamed).map(async (name) => {
  const command = ["dd", `if=${join(streamed, name)}`, "of=/dev/null", "bs=128K", "status=none"];
  if ((await Bun.spawn(command).exited) !== 0) throw new Error(`${name} could not be read`);
});
await Promise.all(readers);
for (const fd of descriptors) closeSync(fd);
console.log(JSON.stringify({ opened: descriptors.length, streamed: readers.length }));
