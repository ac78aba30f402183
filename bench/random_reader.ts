/** Reads FILE at COUNT random places, 64 KiB each: `bun bench/random_reader.ts FILE COUNT`. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const [file = "", count = "1000"] = process.argv.slice(2);
const BLOCK_BYTES = 65_536;
const fd = openSync(file, "r");
const blocks = Math.floor(fstatSync(fd).size / BLOCK_BYTES);
const into = new Uint8Array(BLOCK_BYTES);
let state = 1;
for (let i = 0; i < Number(count); i++) {
  // A linear congruential generator (Numerical Recipes): the same places in every run.
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  readSync(fd, into, 0, BLOCK_BYTES, (state % blocks) * BLOCK_BYTES);
}
closeSync(fd);
