/** Trees to be read. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runProgram } from "./program.ts";
import { SMALL_FILE_BYTES } from "./scale.ts";

/** Content that compresses nowhere; every small file differs from the others in its first bytes. */
const content = crypto.getRandomValues(new Uint8Array(SMALL_FILE_BYTES));

/** Fills `directory` with small files `track N.flac`. */
export function makeSmallFiles(directory: string, count: number): void {
  mkdirSync(directory, { recursive: true });
  const view = new DataView(content.buffer);
  for (let i = 0; i < count; i++) {
    view.setUint32(0, i);
    writeFileSync(join(directory, `track ${i}.flac`), content);
  }
}

const EMPTY_FILES_PER_DIRECTORY = 100;

/** Fills `directory` with directories `album N` of a hundred empty files `track N.flac` each. */
export function makeEmptyFiles(directory: string, count: number): void {
  for (let i = 0; i < count; i++) {
    const album = join(directory, `album ${Math.floor(i / EMPTY_FILES_PER_DIRECTORY)}`);
    if (i % EMPTY_FILES_PER_DIRECTORY === 0) mkdirSync(album, { recursive: true });
    writeFileSync(join(album, `track ${i % EMPTY_FILES_PER_DIRECTORY}.flac`), "");
  }
}

/** Makes or replaces a file of random bytes. */
export async function makeLargeFile(file: string, sizeBytes: number): Promise<void> {
  const script = 'head -c "$2" /dev/urandom >"$1"';
  await runProgram(["sh", "-c", script, "sh", file, String(sizeBytes)]);
}
