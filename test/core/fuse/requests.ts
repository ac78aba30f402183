/** Requests as the kernel would write them, and replies taken apart, for tests. */

import { OwnError } from "../../../src/core/errors.ts";
import type { FileSystem } from "../../../src/core/fuse/filesystem.ts";
import { IN_HEADER, OUT_HEADER } from "../../../src/core/fuse/layout.ts";
import { type Negotiated, negotiate } from "../../../src/core/fuse/negotiate.ts";
import { OPCODES } from "../../../src/core/fuse/opcodes.ts";
import { Session, type SessionOptions } from "../../../src/core/fuse/session.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

export const UNIQUE = 77;
export const PAGE = 4096;

/** `words` are pairs of [value, size in bytes]; text is appended as it is. */
export type Part = readonly [value: number | bigint, bytes: 2 | 4 | 8] | string | Uint8Array;

export const u32 = (value: number): Part => [value, 4];
export const u64 = (value: number | bigint): Part => [value, 8];

export function bytesOf(parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === "string" || part instanceof Uint8Array)
        return Buffer.from(part as string);
      const [value, size] = part;
      const field = Buffer.alloc(8);
      field.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
      return field.subarray(0, size);
    }),
  );
}

export interface RequestHeader {
  readonly nodeid?: number | bigint;
  readonly unique?: number | bigint;
}

export function codeOf(name: string): number {
  const opcode = OPCODES.find((row) => row.name === name);
  if (opcode === undefined) throw new Error(`no opcode ${name}`);
  return opcode.code;
}

/** A whole request; `name` is an opcode's name or number. */
export function request(
  name: string | number,
  parts: readonly Part[] = [],
  header: RequestHeader = {},
): Buffer {
  const body = bytesOf(parts);
  const head = bytesOf([
    u32(IN_HEADER.sizeBytes + body.length),
    u32(typeof name === "number" ? name : codeOf(name)),
    u64(header.unique ?? UNIQUE),
    u64(header.nodeid ?? 1),
    u32(1000),
    u32(1000),
    u32(4242),
    u32(0),
  ]);
  return Buffer.concat([head, body]);
}

/** A file name as requests carry it. */
export function named(name: string | Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(name as string), Buffer.from([0])]);
}

export interface Reply {
  readonly error: number;
  readonly unique: number;
  readonly body: Buffer;
}

/** The reply that stands in a session's memory; throws unless its length is what it says. */
export function replyOf(session: Session, length: number): Reply {
  const bytes = Buffer.from(session.reply.bytes.subarray(0, length));
  if (bytes.readUInt32LE(OUT_HEADER.at.len) !== length) throw new Error("the length is wrong");
  return {
    error: bytes.readInt32LE(OUT_HEADER.at.error),
    unique: Number(bytes.readBigUInt64LE(OUT_HEADER.at.unique)),
    body: bytes.subarray(OUT_HEADER.sizeBytes),
  };
}

export function ask(session: Session, bytes: Uint8Array): Reply {
  return replyOf(session, session.handle(bytes));
}

/** All that kernel 7.45 offers. */
export const OFFER = {
  major: 7,
  minor: 45,
  maxReadaheadBytes: 131_072,
  flags: -1,
  flags2: 0x3ff,
};

const wishes = { pageSizeBytes: PAGE, passthrough: false };

/** What the kernel and a session agree on by {@link OFFER}. */
export function startedNegotiation(): Negotiated {
  const negotiated = negotiate(OFFER, wishes);
  if (negotiated instanceof OwnError) throw negotiated;
  return negotiated;
}

/** A session behind INIT. Errors that it reports fail the test, unless it takes them itself. */
export function startedSession(
  fileSystem: FileSystem = new MemoryFileSystem(),
  options: Partial<SessionOptions> = {},
): Session {
  return new Session(fileSystem, {
    ...wishes,
    negotiated: startedNegotiation(),
    onError: (error) => {
      throw error;
    },
    ...options,
  });
}
