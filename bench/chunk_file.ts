/**
 * Cuts a file into chunks and prints the seconds of CPU time that took, reading included.
 *
 *   bun bench/chunk_file.ts boundaries | hashed FILE
 */

import { closeSync, openSync, readSync } from "node:fs";
import { ChunkStream } from "../src/core/sync/chunks/chunk_stream.ts";
import { FastCdc } from "../src/core/sync/chunks/fast_cdc.ts";

const PORTION_BYTES = 1024 * 1024;

const [mode = "", file = ""] = process.argv.slice(2);

/** Takes the next bytes; they are overwritten afterwards. */
type Take = (data: Uint8Array) => void;

function boundaries(): Take {
  const cdc = new FastCdc();
  return (data) => {
    for (let from = 0; from >= 0 && from < data.byteLength; ) from = cdc.cut(data, from);
  };
}

function hashed(): Take {
  const chunks = new ChunkStream();
  return (data) => chunks.push(data);
}

const take = mode === "hashed" ? hashed() : boundaries();
const buffer = new Uint8Array(PORTION_BYTES);
const before = process.cpuUsage();
const fd = openSync(file, "r");
for (let read = -1; read !== 0; ) {
  read = readSync(fd, buffer);
  take(buffer.subarray(0, read));
}
closeSync(fd);
const { user, system } = process.cpuUsage(before);
console.log((user + system) / 1e6);
