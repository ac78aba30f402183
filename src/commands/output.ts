/** What commands print: results to standard output, what went wrong to standard error. */

import { writeSync } from "node:fs";
import { displayText } from "../core/bytes.ts";
import { ConfigError } from "../core/config/problem.ts";
import { MusicFsError } from "../core/errors.ts";

const STDOUT = 1;
const STDERR = 2;
const PATIENCE_MS = 5;

/**
 * Lines for people. Text that came from elsewhere goes through `displayText` first. False when
 * nobody reads them any more.
 */
export function print(text: string): boolean {
  return write(STDOUT, `${text}\n`);
}

/** One line; false as `print`. */
export function printJson(value: unknown): boolean {
  return write(STDOUT, `${JSON.stringify(value)}\n`);
}

/** A remark that is no result. */
export function remark(text: string): void {
  write(STDERR, `${text}\n`);
}

/** Overwrites the terminal's current line; `""` clears it. */
export function showProgress(text: string): void {
  write(STDERR, `\r\x1b[K${text}`);
}

/** `musicfs: …` on standard error; with `json` also an error object on standard output. */
export function printError(error: unknown, options: { readonly json: boolean }): void {
  const known = error instanceof MusicFsError;
  const text = error instanceof Error ? error.message : String(error);
  const message = known ? text : `this is a bug in musicfs: ${text}`;
  remark(`musicfs: ${message.split("\n").map(displayText).join("\n")}`);
  if (!known && error instanceof Error && error.stack !== undefined) remark(error.stack);
  if (!options.json) return;
  const problems = error instanceof ConfigError ? { problems: error.problems } : {};
  printJson({ error: { code: known ? error.code : "internal", message, ...problems } });
}

/** All of it, before it returns. A reader that went away is no error: it has what it wanted. */
function write(fd: number, text: string): boolean {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EPIPE" || code === "EIO") return false;
      if (code !== "EAGAIN") throw error;
      Bun.sleepSync(PATIENCE_MS);
    }
  }
  return true;
}
