/**
 * The memory that blocks of open files take, on their way and held: READER_MEMORY_BYTES, of which
 * what was used least recently gives way. Blocks that a READ waits for are let in beyond that, or
 * one stuck origin could keep all others from being read; there are never more of them than the
 * kernel has requests under way.
 */

import { READER_MEMORY_BYTES } from "../limits.ts";

/** Something held; `drop` is called when it gives way. */
export interface HeldBytes {
  readonly lengthBytes: number;
  drop(): void;
}

export class ReaderMemory {
  #usedBytes = 0;
  /** Least recently used first. */
  readonly #held = new Set<HeldBytes>();

  constructor(readonly limitBytes = READER_MEMORY_BYTES) {}

  /** Takes memory for bytes on their way. False: there is none to be had without `force`. */
  take(lengthBytes: number, force: boolean): boolean {
    for (const oldest of this.#held) {
      if (this.#usedBytes + lengthBytes <= this.limitBytes) break;
      this.let(oldest);
      oldest.drop();
    }
    if (!force && this.#usedBytes + lengthBytes > this.limitBytes) return false;
    this.#usedBytes += lengthBytes;
    return true;
  }

  /** Gives back what was taken for bytes that never came. */
  give(lengthBytes: number): void {
    this.#usedBytes -= lengthBytes;
  }

  /** The bytes are here; their memory stays taken until they give way or are let go. */
  hold(held: HeldBytes): void {
    this.#held.add(held);
  }

  /** They are used now. */
  touch(held: HeldBytes): void {
    if (this.#held.delete(held)) this.#held.add(held);
  }

  /** They are held no longer; gives their memory back. */
  let(held: HeldBytes): void {
    if (this.#held.delete(held)) this.#usedBytes -= held.lengthBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }
}
