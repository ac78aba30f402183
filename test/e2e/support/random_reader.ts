/**
 * Reads files of a mount at random and compares every byte: `bun random_reader.ts MOUNT REFERENCE...
 * SECONDS SEED`. Each file may be that of any one of the references, and a handle sees one of them
 * only. Prints a JSON line with what it saw; exits 1 on a wrong byte.
 */

import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";

const MAX_READ_BYTES = 4 * 1024 * 1024;
const READS_PER_HANDLE = 12;
const ABSENT_PAUSE_MS = 10;

const args = process.argv.slice(2);
const seed = Number(args.pop());
const seconds = Number(args.pop());
const [mount = "", ...references] = args;

let state = seed >>> 0;
/** mulberry32 (T. Ettinger): uniform in [0, 1). */
function random(): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

const names = readdirSync(references[0] ?? "");
const contents = new Map(
  names.map((name) => [name, references.map((reference) => readFileSync(join(reference, name)))]),
);
const into = Buffer.alloc(MAX_READ_BYTES);
const errors: Record<string, number> = {};
let reads = 0;
let handles = 0;
let slowestMs = 0;
const end = performance.now() + seconds * 1000;
while (performance.now() < end) {
  const name = names[Math.floor(random() * names.length)] ?? "";
  let versions: readonly Buffer[] = contents.get(name) ?? [];
  try {
    const fd = timed(() => openSync(join(mount, name), "r"));
    handles++;
    try {
      for (let i = 0; i < READS_PER_HANDLE && performance.now() < end; i++) {
        versions = readSome(fd, name, versions);
      }
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const what = describe(error);
    errors[what] = (errors[what] ?? 0) + 1;
    // Asking for what is not there keeps a processor busy, and nothing else.
    if (what === "open ENOENT") Bun.sleepSync(ABSENT_PAUSE_MS);
  }
}
console.log(JSON.stringify({ reads, handles, errors, slowestMs: Math.round(slowestMs) }));

/** Answers the versions that the handle may still be of. */
function readSome(fd: number, name: string, versions: readonly Buffer[]): readonly Buffer[] {
  const size = Math.max(...versions.map(({ length }) => length));
  const offset = Math.floor(random() * (size + 10));
  const length = 1 + Math.floor(random() ** 4 * (MAX_READ_BYTES - 1));
  const read = timed(() => readSync(fd, into, 0, length, offset));
  reads++;
  const got = into.subarray(0, read);
  const fitting = versions.filter((one) => got.equals(one.subarray(offset, offset + read)));
  const whole = fitting.filter(
    (one) => read === Math.max(0, Math.min(length, one.length - offset)),
  );
  if (whole.length > 0) return whole;
  // A read that fails on its way answers what it has; the rest of it fails, or is there, but is no end.
  if (read > 0 && fitting.length > 0 && timed(() => readSync(fd, into, 0, 1, offset + read)) > 0) {
    return fitting;
  }
  console.log(JSON.stringify({ wrong: name, seed, offset, length, read }));
  process.exit(1);
}

/** "open EIO" and the like. */
function describe(error: unknown): string {
  if (!(error instanceof Error && "syscall" in error && "code" in error)) return String(error);
  return `${error.syscall} ${error.code}`;
}

function timed<T>(work: () => T): T {
  const started = performance.now();
  try {
    return work();
  } finally {
    slowestMs = Math.max(slowestMs, performance.now() - started);
  }
}
