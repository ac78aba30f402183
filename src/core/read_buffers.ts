/** Buffers that reads need for a while, kept for reuse: gigabytes go through a few of these. */

import { READ_BUFFERS_BYTES } from "./limits.ts";

const SMALLEST_BYTES = 4096;

export class ReadBuffers {
  /** Free buffers by size, a power of two. */
  readonly #free = new Map<number, ArrayBuffer[]>();
  #freeBytes = 0;

  /** `limitBytes`: what may lie here unused, all buffers together. */
  constructor(private readonly limitBytes = READ_BUFFERS_BYTES) {}

  /** A buffer of this length with undefined contents; the caller's until `give`. */
  take(lengthBytes: number): Uint8Array {
    const sizeBytes = sizeFor(lengthBytes);
    const buffer = this.#free.get(sizeBytes)?.pop();
    if (buffer) this.#freeBytes -= sizeBytes;
    return new Uint8Array(buffer ?? new ArrayBuffer(sizeBytes), 0, lengthBytes);
  }

  /** Takes back a buffer that came from `take` and that nobody uses any more. */
  give(bytes: Uint8Array): void {
    const { buffer } = bytes;
    if (!(buffer instanceof ArrayBuffer) || this.#freeBytes + buffer.byteLength > this.limitBytes) {
      return;
    }
    const free = this.#free.get(buffer.byteLength);
    if (free) free.push(buffer);
    else this.#free.set(buffer.byteLength, [buffer]);
    this.#freeBytes += buffer.byteLength;
  }

  /** Bytes that lie here unused; for leak checks. */
  get freeBytes(): number {
    return this.#freeBytes;
  }
}

function sizeFor(lengthBytes: number): number {
  return Math.max(SMALLEST_BYTES, 2 ** Math.ceil(Math.log2(Math.max(1, lengthBytes))));
}
