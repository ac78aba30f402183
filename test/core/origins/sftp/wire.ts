/** The server's side of SFTP for tests: requests apart, replies together, right or wrong at will. */

import { Reply, Request } from "../../../../src/core/origins/sftp/packet.ts";

export interface Asked {
  readonly type: number;
  readonly id: number;
  /** The first string of the request: a path or a handle, as a byte string. */
  readonly target: string;
  /** Of READ. */
  readonly offset: number;
  readonly length: number;
}

export interface FileAttributes {
  readonly size: number;
  readonly mode: number;
  readonly mtime: number;
}

export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};
export const u64 = (value: number): Buffer =>
  Buffer.concat([u32(Math.floor(value / 2 ** 32)), u32(value % 2 ** 32)]);
export const string = (value: string | Uint8Array): Buffer => {
  const bytes = typeof value === "string" ? Buffer.from(value, "latin1") : value;
  return Buffer.concat([u32(bytes.byteLength), bytes]);
};
export const attributes = ({ size, mode, mtime }: FileAttributes): Buffer =>
  Buffer.concat([u32(0x1 | 0x4 | 0x8), u64(size), u32(mode), u32(mtime), u32(mtime)]);

/** A packet of any type with any body. */
export const raw = (type: number, ...body: readonly Uint8Array[]): Buffer =>
  string(Buffer.concat([Buffer.from([type]), ...body]));

export const replies = {
  version: (...extensions: readonly string[]) =>
    raw(Reply.version, u32(3), ...extensions.map(string)),
  status: (id: number, code: number, text = "") =>
    raw(Reply.status, u32(id), u32(code), string(text), string("")),
  handle: (id: number, handle: string) => raw(Reply.handle, u32(id), string(handle)),
  data: (id: number, data: Uint8Array) => raw(Reply.data, u32(id), string(data)),
  attrs: (id: number, file: FileAttributes) => raw(Reply.attrs, u32(id), attributes(file)),
  names: (id: number, entries: readonly (readonly [name: string, file: FileAttributes])[]) =>
    raw(
      Reply.name,
      u32(id),
      u32(entries.length),
      ...entries.flatMap(([name, file]) => [string(name), string("-"), attributes(file)]),
    ),
};

/** Cuts a client's bytes into requests; INIT is passed over. */
export class Requests {
  #bytes = Buffer.alloc(0);

  push(chunk: Uint8Array): readonly Asked[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const asked: Asked[] = [];
    while (this.#bytes.byteLength >= 4) {
      const end = 4 + this.#bytes.readUInt32BE(0);
      if (this.#bytes.byteLength < end) break;
      const packet = this.#bytes.subarray(4, end);
      this.#bytes = this.#bytes.subarray(end);
      if (packet[0] !== Request.init) asked.push(parse(packet));
    }
    return asked;
  }
}

function parse(packet: Buffer): Asked {
  const length = packet.readUInt32BE(5);
  const end = 9 + length;
  const isRead = packet[0] === Request.read;
  return {
    type: packet[0] ?? 0,
    id: packet.readUInt32BE(1),
    target: packet.toString("latin1", 9, end),
    offset: isRead ? packet.readUInt32BE(end) * 2 ** 32 + packet.readUInt32BE(end + 4) : 0,
    length: isRead ? packet.readUInt32BE(end + 8) : 0,
  };
}
