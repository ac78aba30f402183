/**
 * Buffers that reads need for a while, kept for reuse: gigabytes go through a few of these. Where there is no room for
 * all that are given back, those of the sizes that nobody has asked for the longest give way.
 */

import { READ_BUFFERS_BYTES } from "./limits.ts";

const SMALLEST_BYTES = 4096;

export class ReadBuffers {
  /** Free buffers by size, a power of two; the size that was asked for least recently first. */
  readonly #free = new Map<number, ArrayBuffer[]>();
  #freeBytes = 0;

  /** `limitBytes`: what may lie here unused, all buffers together. */
  constructor(private readonly limitBytes = READ_BUFFERS_BYTES) {}

  /** A buffer of this length with undefined contents; the caller's until `give`. */
  take(lengthBytes: number): Uint8Array {
    const sizeBytes = sizeFor(lengthBytes);
    const free = this.#free.get(sizeBytes) ?? [];
    this.#free.delete(sizeBytes);
    this.#free.set(sizeBytes, free);
    const buffer = free.pop();
    if (buffer) this.#freeBytes -= sizeBytes;
    // One that is made takes the place of others, which nobody asks for now.
    else this.#shrinkTo(this.#freeBytes - sizeBytes);
    return new Uint8Array(buffer ?? new ArrayBuffer(sizeBytes), 0, lengthBytes);
  }

  /** Takes back a buffer that came from `take` and that nobody uses any more. */
  give(bytes: Uint8Array): void {
    const { buffer } = bytes;
    const free = this.#free.get(buffer.byteLength);
    if (!(buffer instanceof ArrayBuffer) || free === undefined) return;
    free.push(buffer);
    this.#freeBytes += buffer.byteLength;
    this.#shrinkTo(this.limitBytes);
  }

  /** Bytes that lie here unused; for leak checks. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  #shrinkTo(limitBytes: number): void {
    for (const [sizeBytes, free] of this.#free) {
      while (this.#freeBytes > limitBytes && free.length > 0) {
        // The memory is let go of now: a collector may look for it late.
        free.pop()?.transfer(0);
        this.#freeBytes -= sizeBytes;
      }
    }
  }
}

function sizeFor(lengthBytes: number): number {
  return Math.max(SMALLEST_BYTES, 2 ** Math.ceil(Math.log2(Math.max(1, lengthBytes))));
}
