import { readFileSync } from "node:fs";
import { OwnError } from "../errors.ts";

/** linux/auxvec.h */
const AT_PAGESZ = 6n;
const ENTRY_BYTES = 16;

/** The kernel's page size in bytes, from the auxiliary vector: 4096, or up to 65536 on arm64. */
export function pageSizeBytes(): number {
  const vector = readFileSync("/proc/self/auxv");
  for (let at = 0; at + ENTRY_BYTES <= vector.length; at += ENTRY_BYTES) {
    if (vector.readBigUInt64LE(at) === AT_PAGESZ) return Number(vector.readBigUInt64LE(at + 8));
  }
  throw new OwnError("internal", "/proc/self/auxv does not tell the page size");
}
