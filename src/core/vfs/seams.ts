/**
 * The first and the latest bytes that an open file with several replicas was served, kept so that
 * another replica can be compared with them before it takes over (docs/semantics.md, *probable*).
 *
 * A pool in shared memory, of SEAM_HANDLES slots: the thread that serves a read copies its bytes
 * in, the main thread copies them out when an origin fails. A slot is a header (f64 fh, tail offset,
 * time of use; i32 head length, tail length, lock) and two areas of SEAM_BYTES. When all are taken the least recently
 * written gives way.
 */

import type { Seam } from "../federation/file.ts";
import { SEAM_BYTES, SEAM_HANDLES } from "../limits.ts";
import type { HandleTable } from "./handles.ts";

const HEADER_BYTES = 40;
const SLOT_BYTES = HEADER_BYTES + 2 * SEAM_BYTES;

/** Doubles of the header. */
const FH = 0;
const TAIL_OFFSET = 1;
const USED = 2;
/** Int32 words of the header, behind three doubles. */
const HEAD_LENGTH = 6;
const TAIL_LENGTH = 7;
/** 1 while a thread reads or writes the slot; nobody waits for it. */
const LOCK = 8;

export class SeamPool {
  readonly shared: SharedArrayBuffer;
  readonly #bytes: Uint8Array;
  readonly #doubles: Float64Array;
  readonly #words: Int32Array;

  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(SLOT_BYTES * SEAM_HANDLES);
    this.#bytes = new Uint8Array(this.shared);
    this.#doubles = new Float64Array(this.shared);
    this.#words = new Int32Array(this.shared);
  }

  /** Gives the handle a slot. FUSE thread only, so that no two handles are given the same one. */
  claim(handles: HandleTable, fh: number): void {
    let oldest = -1;
    for (let slot = 0; slot < SEAM_HANDLES; slot++) {
      if (this.#locked(slot)) continue;
      if (this.#double(slot, FH) === 0) {
        oldest = slot;
        break;
      }
      if (oldest < 0 || this.#double(slot, USED) < this.#double(oldest, USED)) oldest = slot;
    }
    if (oldest < 0 || !this.#lock(oldest)) return;
    const base = oldest * SLOT_BYTES;
    this.#words[base / 4 + HEAD_LENGTH] = 0;
    this.#words[base / 4 + TAIL_LENGTH] = 0;
    this.#doubles[base / 8 + USED] = Date.now();
    // Zero means free, so the handle is kept one higher.
    this.#doubles[base / 8 + FH] = fh + 1;
    this.#unlock(oldest);
    handles.setSeamSlot(fh, oldest);
  }

  /**
   * Keeps what a read of `fh` at `offsetBytes` was answered. Does nothing for a handle that has no
   * slot (any more) or whose slot another thread writes at this moment.
   */
  record(handles: HandleTable, fh: number, offsetBytes: number, served: Uint8Array): void {
    const slot = handles.seamSlot(fh);
    if (slot < 0 || served.byteLength === 0 || !this.#lock(slot)) return;
    const base = slot * SLOT_BYTES;
    if (this.#double(slot, FH) === fh + 1) {
      this.#doubles[base / 8 + USED] = Date.now();
      if (offsetBytes === 0) {
        const head = served.subarray(0, SEAM_BYTES);
        this.#bytes.set(head, base + HEADER_BYTES);
        this.#words[base / 4 + HEAD_LENGTH] = head.byteLength;
      }
      const tail = served.subarray(Math.max(0, served.byteLength - SEAM_BYTES));
      this.#bytes.set(tail, base + HEADER_BYTES + SEAM_BYTES);
      this.#doubles[base / 8 + TAIL_OFFSET] = offsetBytes + served.byteLength - tail.byteLength;
      this.#words[base / 4 + TAIL_LENGTH] = tail.byteLength;
    }
    this.#unlock(slot);
  }

  /** Copies of the handle's seams; none when there are none or they are being written. */
  seams(handles: HandleTable, fh: number): readonly Seam[] {
    const slot = handles.seamSlot(fh);
    if (slot < 0 || !this.#lock(slot)) return [];
    const seams: Seam[] = [];
    if (this.#double(slot, FH) === fh + 1) {
      const base = slot * SLOT_BYTES;
      const head = base + HEADER_BYTES;
      const headLength = this.#words[base / 4 + HEAD_LENGTH] ?? 0;
      const tailLength = this.#words[base / 4 + TAIL_LENGTH] ?? 0;
      const tailOffset = this.#double(slot, TAIL_OFFSET);
      if (headLength > 0) {
        seams.push({ offsetBytes: 0, bytes: this.#bytes.slice(head, head + headLength) });
      }
      if (tailLength > 0 && !(tailOffset === 0 && headLength >= tailLength)) {
        const tail = head + SEAM_BYTES;
        seams.push({ offsetBytes: tailOffset, bytes: this.#bytes.slice(tail, tail + tailLength) });
      }
    }
    this.#unlock(slot);
    return seams;
  }

  /** The handle is closed; its slot is free. */
  release(handles: HandleTable, fh: number): void {
    const slot = handles.seamSlot(fh);
    handles.setSeamSlot(fh, -1);
    if (slot >= 0 && this.#double(slot, FH) === fh + 1) {
      this.#doubles[(slot * SLOT_BYTES) / 8 + FH] = 0;
    }
  }

  #lock(slot: number): boolean {
    return Atomics.compareExchange(this.#words, (slot * SLOT_BYTES) / 4 + LOCK, 0, 1) === 0;
  }

  #locked(slot: number): boolean {
    return Atomics.load(this.#words, (slot * SLOT_BYTES) / 4 + LOCK) !== 0;
  }

  #unlock(slot: number): void {
    Atomics.store(this.#words, (slot * SLOT_BYTES) / 4 + LOCK, 0);
  }

  #double(slot: number, field: number): number {
    return this.#doubles[(slot * SLOT_BYTES) / 8 + field] ?? 0;
  }
}
