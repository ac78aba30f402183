/** Numbers and names as the wire has them. */

import { EINVAL, ENAMETOOLONG } from "../sys/errno.ts";
import { NAME_MAX_BYTES } from "./abi.ts";

const U32 = 0x1_0000_0000;
const DOT = 0x2e;
const SLASH = 0x2f;

/** What {@link getU64} answers for a number above 2^53 - 1. */
export const TOO_LARGE = -1;

/** An unsigned 64-bit number, or {@link TOO_LARGE}. */
export function getU64(view: DataView, at: number): number {
  const value = view.getUint32(at + 4, true) * U32 + view.getUint32(at, true);
  return value <= Number.MAX_SAFE_INTEGER ? value : TOO_LARGE;
}

/** A 64-bit integer within ±(2^53 - 1), negative ones in two's complement. */
export function putU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value, true);
  view.setInt32(at + 4, Math.floor(value / U32), true);
}

/** Where the NUL after the string at `at` lies, or -1 if there is none before `end`. */
function nulAfter(bytes: Uint8Array, at: number, end: number): number {
  const nul = bytes.indexOf(0, at);
  return nul < end ? nul : -1;
}

/**
 * The file name at `at`, NUL-terminated before `end`, as a view of `bytes`; or a negative errno:
 * ENAMETOOLONG, or EINVAL for what is no name (empty, `.`, `..`, a slash in it, no NUL).
 */
export function getName(bytes: Uint8Array, at: number, end: number): Uint8Array | number {
  const nul = nulAfter(bytes, at, end);
  if (nul < 0) return -EINVAL;
  if (nul - at > NAME_MAX_BYTES) return -ENAMETOOLONG;
  const name = bytes.subarray(at, nul);
  return isName(name) ? name : -EINVAL;
}

/** `isValidName` of bytes.ts for bytes without NUL, sparing a string per LOOKUP. */
function isName(name: Uint8Array): boolean {
  const isDots = name[0] === DOT && (name.length === 1 || (name.length === 2 && name[1] === DOT));
  return name.length > 0 && !isDots && !name.includes(SLASH);
}

/** As {@link getName} for the name of an extended attribute, in which any byte but NUL may be. */
export function getXattrName(bytes: Uint8Array, at: number, end: number): Uint8Array | number {
  const nul = nulAfter(bytes, at, end);
  return nul <= at || nul - at > NAME_MAX_BYTES ? -EINVAL : bytes.subarray(at, nul);
}
