/**
 * Which directories the kernel has been told of, so that a scan of a hundred thousand new files
 * does not send it a hundred thousand messages about names it never asked for.
 *
 * One bit per entry id modulo the table's size: a wrong "seen" costs a message, a wrong "unseen"
 * cannot happen. The FUSE thread sets, the main thread reads.
 */

import { ROOT_ENTRY } from "../catalog/catalog.ts";

const BITS = 2 ** 20;

export class SeenDirectories {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(BITS / 8);
    this.#words = new Int32Array(this.shared);
    this.add(ROOT_ENTRY);
  }

  add(entry: number): void {
    const bit = entry % BITS;
    const word = bit >>> 5;
    const mask = 1 << (bit & 31);
    if (((this.#words[word] ?? 0) & mask) === 0) Atomics.or(this.#words, word, mask);
  }

  has(entry: number): boolean {
    const bit = entry % BITS;
    return (Atomics.load(this.#words, bit >>> 5) & (1 << (bit & 31))) !== 0;
  }
}
