/**
 * System calls of a child process, so that a file system that hangs does not hang the tests. Paths
 * are bytes, or text in UTF-8, relative to the child's working directory.
 */

import { join } from "node:path";
import { Memory } from "../../../src/core/sys/memory.ts";
import { STATX_BASIC_STATS, STATX_BYTES, StatxView } from "../../../src/core/sys/statx.ts";

export type Path = string | Uint8Array;

/** A call's argument: text has a NUL behind it. */
export type Value = number | bigint | Path;

type Argument =
  | number
  | { readonly integer: string }
  | { readonly bytes: string }
  | { readonly out: number };

export type CallRequest =
  | { readonly call: string; readonly args: readonly Argument[] }
  /** Memory that an earlier call mapped. */
  | { readonly peek: number; readonly lengthBytes: number };

export interface Answer {
  /** What the call returned, or the negative errno. */
  readonly result: number;
  /** What the `out` arguments hold now, in base64. */
  readonly outs: readonly string[];
}

export interface DirectoryEntry {
  readonly name: Uint8Array;
  readonly inode: bigint;
  /** What lseek(2) goes to in order to read on behind this entry. */
  readonly offset: bigint;
  /** DT_*, dirent.h. */
  readonly type: number;
}

/** The users of the suite, in the root of its tree. */
export interface Callers {
  readonly root: SystemCalls;
  readonly nobody: SystemCalls;
}

const CHILD = join(import.meta.dir, "system_calls.child.ts");
const DEADLINE_MS = 60_000;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const DIRENT_HEADER_BYTES = 19;

export class SystemCalls implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncIterator<string>;

  /** `prefix`: a command that runs the rest of its arguments as another user. */
  constructor(workingDirectory: string, prefix: readonly string[] = []) {
    this.#child = Bun.spawn([...prefix, process.execPath, CHILD], {
      cwd: workingDirectory,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#lines = linesOf(this.#child.stdout);
  }

  /** One call at a time. */
  async #ask(request: CallRequest): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    this.#child.stdin.flush();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), DEADLINE_MS);
    const { value, done } = await this.#lines.next();
    clearTimeout(timer);
    if (done) throw new Error(`${JSON.stringify(request)} was not answered`);
    return JSON.parse(value) as Answer;
  }

  /** Calls libc's function; answers its result or the negative errno. */
  async call(name: string, ...args: readonly Value[]): Promise<number> {
    return (await this.#ask({ call: name, args: args.map(encode) })).result;
  }

  /** A call that fills a buffer of `sizeBytes`; `undefined` among the arguments is its place. */
  async fill(
    sizeBytes: number,
    name: string,
    ...args: readonly (Value | undefined)[]
  ): Promise<{ readonly result: number; readonly bytes: Buffer }> {
    const encoded = args.map((arg) => (arg === undefined ? { out: sizeBytes } : encode(arg)));
    const { result, outs } = await this.#ask({ call: name, args: encoded });
    return { result, bytes: Buffer.from(outs[0] ?? "", "base64") };
  }

  async peek(address: number, lengthBytes: number): Promise<Buffer> {
    const { outs } = await this.#ask({ peek: address, lengthBytes });
    return Buffer.from(outs[0] ?? "", "base64");
  }

  open(path: Path, flags: number, mode = 0o644): Promise<number> {
    return this.call("open", path, flags, mode);
  }

  close(fd: number): Promise<number> {
    return this.call("close", fd);
  }

  /** The bytes read, or the negative errno. */
  async pread(fd: number, lengthBytes: number, offsetBytes: number): Promise<Buffer | number> {
    const { result, bytes } = await this.fill(
      lengthBytes,
      ...(["pread64", fd, undefined, lengthBytes, offsetBytes] as const),
    );
    return result < 0 ? result : bytes.subarray(0, result);
  }

  /** The attributes, or the negative errno. */
  async lstat(path: Path): Promise<StatxView | number> {
    return this.#statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
  }

  async fstat(fd: number): Promise<StatxView | number> {
    return this.#statx(fd, "", 0x1000);
  }

  async #statx(fd: number, path: Path, flags: number): Promise<StatxView | number> {
    const { result, bytes } = await this.fill(
      STATX_BYTES,
      ...(["statx", fd, path, flags, STATX_BASIC_STATS, undefined] as const),
    );
    if (result < 0) return result;
    const memory = new Memory(STATX_BYTES);
    memory.bytes.set(bytes);
    return new StatxView(memory);
  }

  /** One getdents64(2); empty at the end. Throws when it fails. */
  async getdents(fd: number, bufferBytes: number): Promise<DirectoryEntry[]> {
    const { result, bytes } = await this.fill(
      bufferBytes,
      ...(["getdents64", fd, undefined, bufferBytes] as const),
    );
    if (result < 0) throw new Error(`getdents64 failed: ${result}`);
    return parseDirents(bytes.subarray(0, result));
  }

  /** Every entry of a directory but `.` and `..`, in the order in which they come. */
  async list(path: Path, bufferBytes = 32_768): Promise<DirectoryEntry[]> {
    const fd = await this.open(path, 0);
    if (fd < 0) throw new Error(`opening the directory failed: ${fd}`);
    const entries: DirectoryEntry[] = [];
    for (;;) {
      const page = await this.getdents(fd, bufferBytes);
      if (page.length === 0) break;
      entries.push(...page);
    }
    await this.close(fd);
    return entries.filter(({ name }) => !isDot(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), DEADLINE_MS);
    await this.#child.exited;
    clearTimeout(timer);
  }
}

function encode(value: Value): Argument {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return { integer: String(value) };
  return { bytes: Buffer.concat([Buffer.from(value as string), Buffer.of(0)]).toString("base64") };
}

function isDot(name: Uint8Array): boolean {
  const text = Buffer.from(name).toString("latin1");
  return text === "." || text === "..";
}

/** `struct linux_dirent64`: u64 ino, i64 off, u16 reclen, u8 type, name. */
function parseDirents(bytes: Buffer): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (let at = 0; at < bytes.byteLength; at += bytes.readUInt16LE(at + 16)) {
    const name = bytes.subarray(at + DIRENT_HEADER_BYTES, at + bytes.readUInt16LE(at + 16));
    entries.push({
      name: name.subarray(0, name.indexOf(0)),
      inode: bytes.readBigUInt64LE(at),
      offset: bytes.readBigInt64LE(at + 8),
      type: bytes.readUInt8(at + 18),
    });
  }
  return entries;
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}
