/**
 * A guard process: it makes the system calls that may never return, so that nobody else has to. It
 * is this same program, started in a hidden mode by a `GuardProcess`, and knows nothing but one
 * disk. First frame on stdin: {@link GuardSettings} as JSON; then requests, each answered on stdout
 * before the next is read. It ends with its stdin, and so with its parent.
 */

import { EINTR } from "../../sys/errno.ts";
import { libc, type Syscalls } from "../../sys/libc.ts";
import { Memory } from "../../sys/memory.ts";
import { Disk } from "./disk.ts";
import { FRAME_HEADER_BYTES, frame, frameHeader, frameLength } from "./frame.ts";
import { checkMounted } from "./mounted.ts";
import { serveDiskRequest } from "./protocol.ts";

export interface GuardSettings {
  /** The root, absolute. */
  readonly path: string;
  readonly tokens: "strong" | "weak";
  /** Serve the root only while it is a mount point of a network or FUSE file system. */
  readonly requireMount: boolean;
}

/** Files kept open: every open of a network file system is a round trip or two. */
const KEPT_FILES = 16;

const SMALL_BYTES = 64 * 1024;

const STDIN = 0;
const STDOUT = 1;

/** Serves until stdin ends. Never gives the event loop a turn. */
export function guardMain(syscalls: Syscalls = libc()): void {
  const first = readFrame(syscalls);
  if (first === undefined) return;
  const settings = JSON.parse(Buffer.from(first).toString()) as GuardSettings;
  using disk = new Disk(settings.path, {
    syscalls,
    tokens: settings.tokens,
    keptFiles: KEPT_FILES,
    ...(settings.requireMount && { rootCheck: checkMounted }),
  });
  for (;;) {
    const request = readFrame(syscalls);
    if (request === undefined) return;
    if (!writeFrame(syscalls, serveDiskRequest(disk, request))) return;
  }
}

/** Undefined at the end of stdin. */
function readFrame(syscalls: Syscalls): Uint8Array | undefined {
  const header = readExactly(syscalls, FRAME_HEADER_BYTES);
  return header && readExactly(syscalls, frameLength(header));
}

function readExactly(syscalls: Syscalls, lengthBytes: number): Uint8Array | undefined {
  const memory = new Memory(lengthBytes);
  const read = (done: number) => syscalls.read(STDIN, memory.address + done, lengthBytes - done);
  return transfer(lengthBytes, read) ? memory.bytes : undefined;
}

/** False when nobody listens any more. */
function writeFrame(syscalls: Syscalls, payload: Uint8Array<ArrayBuffer>): boolean {
  // A large payload is not copied only to have its header before it.
  if (payload.byteLength <= SMALL_BYTES) return write(syscalls, frame(payload));
  return write(syscalls, frameHeader(payload.byteLength)) && write(syscalls, payload);
}

function write(syscalls: Syscalls, bytes: Uint8Array<ArrayBuffer>): boolean {
  const memory = new Memory(bytes.buffer);
  const { byteOffset, byteLength } = bytes;
  return transfer(byteLength, (done) =>
    syscalls.write(STDOUT, memory.address + byteOffset + done, byteLength - done),
  );
}

/** Repeats a call until it moved all the bytes; false when the other end is gone. */
function transfer(lengthBytes: number, call: (done: number) => number): boolean {
  for (let done = 0; done < lengthBytes; ) {
    const moved = call(done);
    if (moved === -EINTR) continue;
    if (moved <= 0) return false;
    done += moved;
  }
  return true;
}

if (import.meta.main) guardMain();
