/** Frames on a guard's pipes: u32 length, little-endian, then as many bytes. */

import { DiskFailure } from "./failure.ts";

export const FRAME_HEADER_BYTES = 4;
/** A read's megabyte or a page of names, with room to spare; more is nonsense on the line. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;

export function frame(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.byteLength);
  bytes.set(frameHeader(payload.byteLength));
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

/** What goes before a payload of this length. */
export function frameHeader(lengthBytes: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  new DataView(header.buffer).setUint32(0, lengthBytes, true);
  return header;
}

/** The length in a header; throws when no frame can be that long. */
export function frameLength(header: Uint8Array): number {
  const view = new DataView(header.buffer, header.byteOffset, FRAME_HEADER_BYTES);
  const length = view.getUint32(0, true);
  if (length > MAX_FRAME_BYTES) throw new DiskFailure("protocol", `a frame of ${length} bytes`);
  return length;
}

/** Puts frames together from pieces as they come. */
export class FrameAssembler {
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerBytes = 0;
  #payload: Uint8Array<ArrayBuffer> | undefined;
  #payloadBytes = 0;

  constructor(readonly onFrame: (payload: Uint8Array<ArrayBuffer>) => void) {}

  push(piece: Uint8Array): void {
    for (let at = 0; at < piece.byteLength; ) {
      at += this.#payload === undefined ? this.#takeHeader(piece, at) : this.#take(piece, at);
      if (this.#payload === undefined || this.#payloadBytes < this.#payload.byteLength) continue;
      const payload = this.#payload;
      this.#payload = undefined;
      this.onFrame(payload);
    }
  }

  #takeHeader(piece: Uint8Array, at: number): number {
    const part = piece.subarray(at, at + FRAME_HEADER_BYTES - this.#headerBytes);
    this.#header.set(part, this.#headerBytes);
    this.#headerBytes += part.byteLength;
    if (this.#headerBytes === FRAME_HEADER_BYTES) {
      this.#payload = new Uint8Array(frameLength(this.#header));
      this.#payloadBytes = 0;
      this.#headerBytes = 0;
    }
    return part.byteLength;
  }

  #take(piece: Uint8Array, at: number): number {
    const payload = this.#payload ?? new Uint8Array(0);
    const part = piece.subarray(at, at + payload.byteLength - this.#payloadBytes);
    payload.set(part, this.#payloadBytes);
    this.#payloadBytes += part.byteLength;
    return part.byteLength;
  }
}
