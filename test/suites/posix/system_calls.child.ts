/**
 * Makes the system calls of the POSIX suite, in its working directory: one request a line on
 * standard input, one answer a line on standard output. A call that hangs hangs only here.
 */

import { dlopen, FFIType, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";
import type { Answer, CallRequest } from "./system_calls.ts";

type Symbols = Readonly<Record<string, (...args: unknown[]) => number | bigint>>;

/** Of type ssize_t, off_t or pointer; all others return int. */
const LONG = new Set(
  "getdents64 getxattr lseek64 listxattr mmap64 pread64 read readlink sendfile64 write".split(" "),
);

const { __errno_location } = dlopen("libc.so.6", {
  __errno_location: { args: [], returns: FFIType.ptr },
}).symbols;
const errnoAddress = __errno_location() as Pointer;
const loaded = new Map<string, Symbols>();

/** The function of libc as it is called with so many arguments; the last ones of open(2) vary. */
function symbolOf(name: string, args: readonly FFIType[]) {
  const key = `${name} ${args.join()}`;
  let symbols = loaded.get(key);
  if (symbols === undefined) {
    const returns = LONG.has(name) ? FFIType.i64 : FFIType.i32;
    symbols = dlopen("libc.so.6", { [name]: { args: [...args], returns } }).symbols as Symbols;
    loaded.set(key, symbols);
  }
  const symbol = symbols[name];
  if (symbol === undefined) throw new Error(`libc has no ${name}`);
  return symbol;
}

function answer(request: CallRequest): Answer {
  if ("peek" in request) {
    const memory = toArrayBuffer(request.peek as Pointer, 0, request.lengthBytes);
    return { result: request.lengthBytes, outs: [Buffer.from(memory).toString("base64")] };
  }
  const outs: Uint8Array[] = [];
  const kept: Uint8Array[] = [];
  const args = request.args.map((arg) => {
    if (typeof arg === "number") return arg;
    if ("integer" in arg) return BigInt(arg.integer);
    const buffer = "out" in arg ? new ArrayBuffer(arg.out) : bufferOf(arg.bytes);
    const bytes = new Uint8Array(buffer);
    if ("out" in arg) outs.push(bytes);
    kept.push(bytes);
    return bytes.byteLength === 0 ? 0 : ptr(bytes);
  });
  const types = request.args.map((arg) =>
    typeof arg === "number" || "integer" in arg ? FFIType.i64 : FFIType.ptr,
  );
  const value = Number(symbolOf(request.call, types)(...args));
  const result = value === -1 ? -read.i32(errnoAddress) : value;
  return { result, outs: outs.map((bytes) => Buffer.from(bytes).toString("base64")) };
}

function bufferOf(base64: string): ArrayBuffer {
  const bytes = Buffer.from(base64, "base64");
  const buffer = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(buffer).set(bytes);
  return buffer;
}

for await (const line of console) {
  // The end of the input comes as one more line.
  if (line === "") break;
  process.stdout.write(`${JSON.stringify(answer(JSON.parse(line) as CallRequest))}\n`);
}
