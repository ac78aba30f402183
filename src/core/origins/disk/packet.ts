/** Fields one after the other in a growing buffer, little-endian; texts are byte strings. */

import { DiskFailure } from "./failure.ts";

const FIRST_BYTES = 256;
const MAX_MESSAGE_CHARACTERS = 4096;

export class PacketWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #end = 0;

  constructor(expectedBytes = FIRST_BYTES) {
    this.#bytes = new Uint8Array(expectedBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  i32(value: number): this {
    const at = this.#grow(4);
    this.#view.setInt32(at, value, true);
    return this;
  }

  f64(value: number): this {
    const at = this.#grow(8);
    this.#view.setFloat64(at, value, true);
    return this;
  }

  /** A string whose char codes are bytes. */
  text(value: string): this {
    this.u32(value.length);
    const at = this.#grow(value.length);
    for (let i = 0; i < value.length; i++) this.#bytes[at + i] = value.charCodeAt(i);
    return this;
  }

  /** A sentence for people, as UTF-8; what is very long is cut. */
  message(value: string): this {
    const clipped = value.slice(0, MAX_MESSAGE_CHARACTERS);
    return this.text(Buffer.from(clipped, "utf8").toString("latin1"));
  }

  /** The packet; a buffer of its own, so that it may be transferred. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#end);
  }

  /** Makes room for `bytes` more and answers where they go. */
  #grow(bytes: number): number {
    const at = this.#end;
    this.#end += bytes;
    if (this.#end > this.#bytes.byteLength) {
      const larger = new Uint8Array(Math.max(this.#end, this.#bytes.byteLength * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

/** Reads what a {@link PacketWriter} wrote; a `protocol` failure past its end. */
export class PacketReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#advance(1));
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4));
  }

  i32(): number {
    return this.#bytes.readInt32LE(this.#advance(4));
  }

  f64(): number {
    return this.#bytes.readDoubleLE(this.#advance(8));
  }

  text(): string {
    const length = this.u32();
    const at = this.#advance(length);
    return this.#bytes.toString("latin1", at, this.#at);
  }

  message(): string {
    return Buffer.from(this.text(), "latin1").toString("utf8");
  }

  #advance(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    if (this.#at > this.#bytes.byteLength) throw new DiskFailure("protocol", "a packet was cut");
    return at;
  }
}
