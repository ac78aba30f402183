/**
 * An application that uses a mount by system calls: `bun application.ts MOUNT` reads one request a line
 * and answers one line each. It waits for the mount so that nobody else has to.
 */

import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

export type Request =
  | { readonly do: "stat"; readonly path: string }
  | { readonly do: "list"; readonly path: string }
  | { readonly do: "open"; readonly slot: number; readonly path: string }
  | {
      readonly do: "read";
      readonly slot: number;
      readonly offsetBytes: number;
      readonly lengthBytes: number;
    }
  | { readonly do: "close"; readonly slot: number };

/** What a request comes to; `error` is an errno's name. */
export interface Answer {
  readonly error?: string;
  readonly isDirectory?: boolean;
  readonly sizeBytes?: number;
  readonly names?: readonly string[];
  /** Base64. */
  readonly bytes?: string;
  /** After the bytes there are more, though they were not read: something failed on the way. */
  readonly isCut?: boolean;
  readonly tookMs: number;
}

const slots = new Map<number, number>();

function answer(mount: string, request: Request): Omit<Answer, "tookMs"> {
  switch (request.do) {
    case "stat": {
      const stat = statSync(join(mount, request.path));
      return { isDirectory: stat.isDirectory(), sizeBytes: stat.size };
    }
    case "list":
      return { names: readdirSync(join(mount, request.path)).sort() };
    case "open": {
      const fd = openSync(join(mount, request.path), "r");
      slots.set(request.slot, fd);
      return { sizeBytes: fstatSync(fd).size };
    }
    case "read":
      return read(descriptor(request.slot), request.offsetBytes, request.lengthBytes);
    case "close":
      closeSync(descriptor(request.slot));
      slots.delete(request.slot);
      return {};
  }
}

/** As read(2) in a loop: the kernel may answer a part where the rest fails. */
function read(fd: number, offsetBytes: number, lengthBytes: number): Omit<Answer, "tookMs"> {
  const into = Buffer.alloc(lengthBytes);
  let done = 0;
  try {
    while (done < lengthBytes) {
      const count = readSync(fd, into, done, lengthBytes - done, offsetBytes + done);
      if (count === 0) break;
      done += count;
    }
  } catch (error) {
    if (done === 0) throw error;
    return { bytes: into.subarray(0, done).toString("base64"), isCut: true };
  }
  return { bytes: into.subarray(0, done).toString("base64") };
}

function descriptor(slot: number): number {
  const fd = slots.get(slot);
  if (fd === undefined) throw new Error(`slot ${slot} is not open`);
  return fd;
}

function errorName(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

if (import.meta.main) {
  const [mount = ""] = process.argv.slice(2);
  for await (const line of console) {
    const startMs = performance.now();
    let found: Omit<Answer, "tookMs">;
    try {
      found = answer(mount, JSON.parse(line) as Request);
    } catch (error) {
      found = { error: errorName(error) };
    }
    console.log(JSON.stringify({ ...found, tookMs: performance.now() - startMs }));
  }
}
