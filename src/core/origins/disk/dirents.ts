/**
 * The records of getdents64(2).
 *
 *     u64 ino; i64 offset; u16 length; u8 type; name, NUL-terminated
 */

import { type ByteName, isValidName, nameFromBytes } from "../../bytes.ts";
import type { Memory } from "../../sys/memory.ts";

const LENGTH = 16;
const TYPE = 18;
const NAME = 19;

/** d_type of what may be served; the file systems that do not tell say `unknown`. */
export const DIRENT = { unknown: 0, directory: 4, file: 8, link: 10 } as const;

export interface Dirent {
  readonly name: ByteName;
  readonly type: number;
}

/** What `lengthBytes` at `offset` of `memory` list, without `.`, `..` and names no file can have. */
export function readDirents(memory: Memory, offset: number, lengthBytes: number): Dirent[] {
  const dirents: Dirent[] = [];
  eachDirent(memory, offset, lengthBytes, (nameStart, nameEnd, type) => {
    const name = nameFromBytes(memory.bytes.subarray(nameStart, nameEnd));
    if (isValidName(name)) dirents.push({ name, type });
  });
  return dirents;
}

/** Tells where in `memory` the records' names begin and end (there is a NUL), all of them. */
export function eachDirent(
  memory: Memory,
  offset: number,
  lengthBytes: number,
  visit: (nameStart: number, nameEnd: number, type: number) => void,
): void {
  const end = offset + lengthBytes;
  for (let at = offset; at + NAME < end; ) {
    const recordBytes = memory.view.getUint16(at + LENGTH, true);
    if (recordBytes <= NAME) break;
    const nameStart = at + NAME;
    const nameEnd = memory.bytes.indexOf(0, nameStart);
    visit(nameStart, Math.max(nameStart, nameEnd), memory.bytes[at + TYPE] ?? DIRENT.unknown);
    at += recordBytes;
  }
}
