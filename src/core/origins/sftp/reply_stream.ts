/**
 * Cuts the bytes of an SFTP channel into replies, however they are split on the way. The payload of
 * DATA is handed on as it arrives and is never collected; everything else is bounded by
 * SFTP_MAX_PACKET_BYTES.
 */

import { SFTP_MAX_PACKET_BYTES } from "../../limits.ts";
import { ProtocolViolation, Reply } from "./packet.ts";

/** Receives what the stream holds, in its order. Whatever it throws ends the stream. */
export interface ReplySink {
  /** A whole reply but DATA, from its type byte on; valid during the call. */
  reply(packet: Buffer): void;
  /** DATA of `lengthBytes` for a request begins ... */
  dataStart(id: number, lengthBytes: number): void;
  /** ... its bytes, in pieces, valid during the call ... */
  dataChunk(bytes: Uint8Array): void;
  /** ... and all of them were handed on. */
  dataEnd(): void;
}

const LENGTH_BYTES = 4;
/** Type, request id and the length of the payload. */
const DATA_HEADER_BYTES = 9;

export class ReplyStream {
  readonly #sink: ReplySink;
  readonly #length = Buffer.alloc(LENGTH_BYTES);
  #lengthFilled = 0;
  /** The packet, or of DATA its header, being collected; undefined before its length is known. */
  #packet: Buffer | undefined;
  #packetBytes = 0;
  #filled = 0;
  /** Of the DATA under way: what is still to come. */
  #dataLeft = 0;

  constructor(sink: ReplySink) {
    this.#sink = sink;
  }

  /** Takes the next bytes; throws {@link ProtocolViolation} for what cannot be a reply. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.byteLength) at += this.#take(chunk, at);
  }

  /** Consumes some of `chunk` from `at` on and answers how much. */
  #take(chunk: Uint8Array, at: number): number {
    if (this.#dataLeft > 0) return this.#takeData(chunk, at);
    if (this.#lengthFilled < LENGTH_BYTES) return this.#takeLength(chunk, at);
    if (this.#packet === undefined) return this.#takeType(chunk, at);
    const taken = Math.min(this.#packet.byteLength - this.#filled, chunk.byteLength - at);
    this.#packet.set(chunk.subarray(at, at + taken), this.#filled);
    this.#filled += taken;
    if (this.#filled === this.#packet.byteLength) this.#finish(this.#packet);
    return taken;
  }

  #takeLength(chunk: Uint8Array, at: number): number {
    const taken = Math.min(LENGTH_BYTES - this.#lengthFilled, chunk.byteLength - at);
    this.#length.set(chunk.subarray(at, at + taken), this.#lengthFilled);
    this.#lengthFilled += taken;
    if (this.#lengthFilled === LENGTH_BYTES) {
      this.#packetBytes = this.#length.readUInt32BE(0);
      if (this.#packetBytes === 0) throw new ProtocolViolation("an empty packet arrived");
      if (this.#packetBytes > SFTP_MAX_PACKET_BYTES) {
        throw new ProtocolViolation(
          `a packet of ${this.#packetBytes} bytes arrived, at most ${SFTP_MAX_PACKET_BYTES} are allowed`,
        );
      }
    }
    return taken;
  }

  /** The type decides what is collected; nothing is consumed. */
  #takeType(chunk: Uint8Array, at: number): 0 {
    const isData = chunk[at] === Reply.data;
    if (isData && this.#packetBytes < DATA_HEADER_BYTES) {
      throw new ProtocolViolation("a DATA reply is shorter than its header");
    }
    this.#packet = Buffer.allocUnsafe(isData ? DATA_HEADER_BYTES : this.#packetBytes);
    this.#filled = 0;
    return 0;
  }

  #finish(packet: Buffer): void {
    this.#packet = undefined;
    this.#lengthFilled = 0;
    if (packet[0] !== Reply.data) {
      this.#sink.reply(packet);
      return;
    }
    const lengthBytes = packet.readUInt32BE(5);
    if (lengthBytes !== this.#packetBytes - DATA_HEADER_BYTES) {
      throw new ProtocolViolation("the length inside a DATA reply is not that of its packet");
    }
    this.#dataLeft = lengthBytes;
    this.#sink.dataStart(packet.readUInt32BE(1), lengthBytes);
    if (lengthBytes === 0) this.#sink.dataEnd();
  }

  #takeData(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.#dataLeft, chunk.byteLength - at);
    this.#dataLeft -= taken;
    this.#sink.dataChunk(chunk.subarray(at, at + taken));
    if (this.#dataLeft === 0) this.#sink.dataEnd();
    return taken;
  }
}
