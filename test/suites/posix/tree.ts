/** The files that the POSIX suite expects. None may be written to by its mode, as on the mount. */

import { chmodSync, mkdirSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { PAGED_READ_BYTES } from "../../../src/core/limits.ts";

/**
 * Long enough for several pages, with an end in the middle of one, and for a mount of cached files to have
 * programs read it past the kernel's pages.
 */
export const CONTENT = patterned(PAGED_READ_BYTES + 5 * 4096 + 1234);
export const MANY_FILES = 3000;
/** All zeros, of which the file system need not hold any. */
export const SPARSE_BYTES = 8 * 1024 * 1024;

/** Names that trip over decoding, quoting and limits. */
export const NAMES: readonly Buffer[] = [
  Buffer.from(" leading and trailing "),
  Buffer.from("caf\u00e9 composed"),
  Buffer.from("cafe\u0301 decomposed"),
  Buffer.from("\u97f3\u697d \ud83c\udfb5"),
  Buffer.from([0x4c, 0x61, 0x74, 0x69, 0x6e, 0xe9, 0xff]),
  Buffer.from("quote ' \" back\\slash\nnewline\ttab"),
  Buffer.from("-rf"),
  Buffer.from("..."),
  Buffer.from(".hidden"),
  Buffer.from("x".repeat(255)),
  Buffer.from("\u00e9".repeat(127)),
];

/** Seconds since 1970 by name: before it, with a fraction, and past what 32 bits hold. */
export const TIMES: ReadonlyMap<string, number> = new Map([
  ["before 1970", -1_000_000.5],
  ["with a fraction", 1_234_567_890.25],
  ["past 2106", 4_294_967_300.5],
]);

function patterned(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13) & 0xff));
}

/** Bytes of a path below a directory; text is taken as UTF-8. */
export function below(directory: string, name: Uint8Array | string): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name as string)]);
}

function file(root: string, name: Uint8Array | string, content: Uint8Array, mode = 0o444): void {
  const path = below(root, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
}

/** Fills an empty directory; run by root, so that all of it belongs to root. */
export function plantTree(root: string): void {
  chmodSync(root, 0o755);
  file(root, "file", CONTENT);
  file(root, "empty", new Uint8Array(0));
  file(root, "program", CONTENT, 0o555);
  file(root, "secret", CONTENT, 0o400);
  file(root, "group's", CONTENT, 0o440);
  file(root, "sparse", new Uint8Array(0));
  truncateSync(`${root}/sparse`, SPARSE_BYTES);
  mkdirSync(`${root}/names`);
  for (const name of NAMES) file(`${root}/names`, name, name);
  mkdirSync(`${root}/many`);
  for (let i = 0; i < MANY_FILES; i++) file(`${root}/many`, `entry ${i}`, new Uint8Array(0));
  mkdirSync(`${root}/a/b/c/d`, { recursive: true });
  file(`${root}/a/b/c/d`, "deep", CONTENT);
  mkdirSync(`${root}/nothing`);
  mkdirSync(`${root}/times`);
  for (const [name, seconds] of TIMES) {
    file(`${root}/times`, name, new Uint8Array(0));
    // Node's own utimes takes a time before 1970 for the present.
    Bun.spawnSync(["touch", "-d", `@${seconds}`, `${root}/times/${name}`]);
  }
  mkdirSync(`${root}/closed`);
  file(`${root}/closed`, "within", CONTENT);
  mkdirSync(`${root}/passage`);
  file(`${root}/passage`, "within", CONTENT);
  for (const [directory, mode] of [
    ["names", 0o555],
    ["many", 0o555],
    ["a", 0o555],
    ["nothing", 0o555],
    ["times", 0o555],
    ["closed", 0o500],
    ["passage", 0o511],
  ] as const) {
    chmodSync(`${root}/${directory}`, mode);
    // Later than all that made it, so that it is known exactly.
    utimesSync(`${root}/${directory}`, 1_500_000_000.125, 1_500_000_000.125);
  }
  chmodSync(root, 0o555);
}
