/** Files and directories that are trusted only when they are the user's own. */

import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
} from "node:fs";
import { displayText } from "../bytes.ts";
import { OwnError } from "../errors.ts";
import { shellWord } from "../shell_word.ts";

const OTHERS_MAY_WRITE = 0o022;
const OTHERS_MAY_DO_ANYTHING = 0o077;

const MAX_FILE_BYTES = 1024 * 1024;

export interface OwnFileOptions {
  /** What messages call it, e.g. `configuration file`. */
  readonly what: string;
  /** Effective user id that must own it. */
  readonly uid: number;
  /** Nobody else may even read it. */
  readonly secret?: boolean;
}

/**
 * The text of a regular file of at most 1 MiB that `uid` owns and nobody else may write. What is
 * checked is what is read: both happen on one descriptor. Undefined when there is no such file;
 * throws `config` for everything else.
 */
export function readOwnFile(path: string, options: OwnFileOptions): string | undefined {
  const { what, uid, secret = false } = options;
  const name = `${what} ${displayText(path)}`;
  const fd = openIfThere(path, name);
  if (fd === undefined) return undefined;
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw refusal(`${name} is not a regular file`);
    if (stat.uid !== uid) {
      throw refusal(
        `${name} belongs to user ${stat.uid}, not to user ${uid} who runs musicfs: ` +
          `refused; after a look at it: chown ${uid} ${shellWord(path)}`,
      );
    }
    const forbidden = secret ? OTHERS_MAY_DO_ANYTHING : OTHERS_MAY_WRITE;
    if ((stat.mode & forbidden) !== 0) {
      const can = secret ? "be read or written" : "be written";
      const remedy = secret ? "go-rwx" : "go-w";
      throw refusal(
        `${name} can ${can} by other users (mode ${octal(stat.mode)}): ` +
          `refused; after a look at it: chmod ${remedy} ${shellWord(path)}`,
      );
    }
    if (stat.size > MAX_FILE_BYTES) throw refusal(`${name} is larger than 1 MiB`);
    return decode(readAll(fd), name);
  } finally {
    closeSync(fd);
  }
}

function openIfThere(path: string, name: string): number | undefined {
  try {
    // O_NONBLOCK: a FIFO without a writer must not hang us before its kind is known.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw refusal(`${name} cannot be opened: ${reasonOf(error)}`, error);
  }
}

function readAll(fd: number): Buffer {
  const buffer = Buffer.alloc(MAX_FILE_BYTES);
  let length = 0;
  for (;;) {
    const count = readSync(fd, buffer, length, buffer.length - length, length);
    length += count;
    if (count === 0) return buffer.subarray(0, length);
  }
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw refusal(`${name} is not UTF-8 text`, error);
  }
}

/**
 * Makes a directory (and those above it) that only `uid` may use, or takes one that is there: its
 * mode becomes 0700, another owner's is refused with `config`.
 */
export function ownDirectory(path: string, what: string, uid: number): void {
  const name = `${what} ${displayText(path)}`;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const stat = statSync(path);
    if (stat.uid !== uid) {
      throw refusal(
        `${name} belongs to user ${stat.uid}, not to user ${uid} who runs musicfs: ` +
          `choose another, or chown ${uid} ${shellWord(path)}`,
      );
    }
    if ((stat.mode & OTHERS_MAY_DO_ANYTHING) !== 0) chmodSync(path, 0o700);
  } catch (error) {
    if (error instanceof OwnError) throw error;
    throw refusal(`${name} cannot be made: ${reasonOf(error)}`, error);
  }
}

function refusal(message: string, cause?: unknown): OwnError {
  return new OwnError("config", message, { cause });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

function reasonOf(error: unknown): string {
  switch (codeOf(error)) {
    case "EACCES":
    case "EPERM":
      return "permission denied";
    case "EISDIR":
      return "it is a directory";
    case "EEXIST":
    case "ENOTDIR":
      return "something in its path is not a directory";
    case "ENOENT":
      return "a directory in its path is missing";
    case "ELOOP":
      return "its symbolic links go round in circles";
    case "EROFS":
      return "the file system is read-only";
    case "ENOSPC":
      return "the disk is full";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}
