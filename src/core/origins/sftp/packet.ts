/**
 * SFTP version 3 on the wire (draft-ietf-secsh-filexfer-02): requests out, replies in. All integers
 * are big-endian; a string is a u32 length and that many bytes. Names and paths are byte strings
 * here too: nothing is decoded.
 *
 *     packet:  u32 length of what follows, u8 type, u32 request id (INIT, VERSION: u32 version), ...
 */

import type { ByteName } from "../../bytes.ts";

/** What a client asks (section 3); only what a reader needs. */
export const Request = {
  init: 1,
  open: 3,
  close: 4,
  read: 5,
  fstat: 8,
  opendir: 11,
  readdir: 12,
  realpath: 16,
  stat: 17,
  extended: 200,
} as const;
export type RequestType = (typeof Request)[keyof typeof Request];

/** What a server answers (section 3). */
export const Reply = {
  version: 2,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 201,
} as const;
export type ReplyType = (typeof Reply)[keyof typeof Reply];

/** Error codes of SSH_FXP_STATUS (section 7). */
export const Status = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  noConnection: 6,
  connectionLost: 7,
  opUnsupported: 8,
} as const;

export const SFTP_VERSION = 3;
/** Length field, type, request id. */
const HEADER_BYTES = 9;
/** SSH_FXF_READ (section 6.3). */
const OPEN_FOR_READING = 1;
/** Flags of ATTRS (section 5). */
const HAS_SIZE = 0x1;
const HAS_OWNER = 0x2;
const HAS_PERMISSIONS = 0x4;
const HAS_TIMES = 0x8;
const HAS_EXTENDED = 0x8000_0000;
const TWO_TO_32 = 0x1_0000_0000;

/** The server broke the protocol; the connection cannot be trusted any further. */
export class ProtocolViolation extends Error {
  override readonly name = "ProtocolViolation";
}

/** ATTRS: whatever of it the server chose to tell. */
export interface Attributes {
  readonly sizeBytes: number | undefined;
  /** With the type bits (S_IFMT). */
  readonly mode: number | undefined;
  /** Whole seconds since the epoch, unsigned: version 3 knows no time before 1970. */
  readonly mtimeSec: number | undefined;
}

/** One entry of a NAME reply. Nothing is checked yet: it may be any bytes. */
export interface NamedAttributes {
  readonly name: ByteName;
  readonly attributes: Attributes;
}

function packet(type: RequestType, id: number, bodyBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + bodyBytes);
  bytes.writeUInt32BE(bytes.byteLength - 4, 0);
  bytes[4] = type;
  bytes.writeUInt32BE(id, 5);
  return bytes;
}

/** INIT. Its "request id" is the version. */
export function initPacket(): Buffer {
  return packet(Request.init, SFTP_VERSION, 0);
}

/** A request whose body is one string: a path (byte string) or a handle. */
export function stringPacket(type: RequestType, id: number, value: string | Uint8Array): Buffer {
  const bytes = packet(type, id, 4 + value.length);
  bytes.writeUInt32BE(value.length, HEADER_BYTES);
  if (typeof value === "string") bytes.write(value, HEADER_BYTES + 4, "latin1");
  else bytes.set(value, HEADER_BYTES + 4);
  return bytes;
}

/** OPEN for reading, with no attributes. */
export function openPacket(id: number, path: string): Buffer {
  const bytes = packet(Request.open, id, 4 + path.length + 8);
  bytes.writeUInt32BE(path.length, HEADER_BYTES);
  bytes.write(path, HEADER_BYTES + 4, "latin1");
  bytes.writeUInt32BE(OPEN_FOR_READING, bytes.byteLength - 8);
  bytes.writeUInt32BE(0, bytes.byteLength - 4);
  return bytes;
}

export function readPacket(
  id: number,
  handle: Uint8Array,
  offsetBytes: number,
  lengthBytes: number,
): Buffer {
  const bytes = packet(Request.read, id, 4 + handle.byteLength + 12);
  bytes.writeUInt32BE(handle.byteLength, HEADER_BYTES);
  bytes.set(handle, HEADER_BYTES + 4);
  const at = bytes.byteLength - 12;
  bytes.writeUInt32BE(Math.floor(offsetBytes / TWO_TO_32), at);
  bytes.writeUInt32BE(offsetBytes % TWO_TO_32, at + 4);
  bytes.writeUInt32BE(lengthBytes, at + 8);
  return bytes;
}

/** Reads a reply's fields in order; running over its end is a {@link ProtocolViolation}. */
export class PacketReader {
  readonly #bytes: Buffer;
  #at: number;

  /** `bytes` is the packet from its type byte on; reading starts after the type. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#at = 1;
  }

  get type(): number {
    return this.#bytes[0] ?? 0;
  }

  get leftBytes(): number {
    return this.#bytes.byteLength - this.#at;
  }

  u32(): number {
    const at = this.#advance(4);
    return this.#bytes.readUInt32BE(at);
  }

  /** Beyond 2^53 it loses precision. */
  u64(): number {
    const high = this.u32();
    return high * TWO_TO_32 + this.u32();
  }

  /** A string's own copy. */
  bytes(): Buffer {
    const length = this.u32();
    const at = this.#advance(length);
    return Buffer.from(this.#bytes.subarray(at, at + length));
  }

  /** A string as a byte string. */
  byteString(): string {
    const length = this.u32();
    const at = this.#advance(length);
    return this.#bytes.toString("latin1", at, at + length);
  }

  attributes(): Attributes {
    const flags = this.u32();
    const sizeBytes = flags & HAS_SIZE ? this.u64() : undefined;
    if (sizeBytes !== undefined && !Number.isSafeInteger(sizeBytes)) {
      throw new ProtocolViolation("a file is said to have more than 2^53 bytes");
    }
    if (flags & HAS_OWNER) this.#advance(8);
    const mode = flags & HAS_PERMISSIONS ? this.u32() : undefined;
    let mtimeSec: number | undefined;
    if (flags & HAS_TIMES) {
      this.#advance(4);
      mtimeSec = this.u32();
    }
    if (flags & HAS_EXTENDED) {
      for (let pairs = this.u32(); pairs > 0; pairs--) {
        this.#advance(this.u32());
        this.#advance(this.u32());
      }
    }
    return { sizeBytes, mode, mtimeSec };
  }

  /** The body of NAME. */
  names(): readonly NamedAttributes[] {
    const entries: NamedAttributes[] = [];
    for (let count = this.u32(); count > 0; count--) {
      const name = this.byteString() as ByteName;
      // The long name is a line of `ls -l` for people.
      this.#advance(this.u32());
      entries.push({ name, attributes: this.attributes() });
    }
    return entries;
  }

  #advance(lengthBytes: number): number {
    const at = this.#at;
    if (lengthBytes > this.#bytes.byteLength - at) {
      throw new ProtocolViolation("a reply is shorter than the fields it announces");
    }
    this.#at = at + lengthBytes;
    return at;
  }
}
