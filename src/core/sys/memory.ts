/**
 * Memory that system calls may write to. `ptr()` of a small typed array moves when its `.buffer` is
 * touched later, so this memory is an ArrayBuffer from the start, kept referenced, and its address
 * is taken once.
 */

import { ptr } from "bun:ffi";

export class Memory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where `bytes[0]` lies, as a number that bun:ffi takes for a pointer. */
  readonly address: number;

  constructor(source: number | ArrayBuffer | SharedArrayBuffer) {
    this.buffer = typeof source === "number" ? new ArrayBuffer(source) : source;
    this.bytes = new Uint8Array(this.buffer);
    this.view = new DataView(this.buffer);
    this.address = ptr(this.bytes);
  }

  get sizeBytes(): number {
    return this.buffer.byteLength;
  }
}
