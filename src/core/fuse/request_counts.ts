/**
 * How many requests of each kind a mount got, in shared memory: the FUSE thread counts, others
 * read. A slower way of doing things shows here on any machine.
 */

import { OPCODES } from "./opcodes.ts";

/** Larger than any opcode's code; what is not in the table is counted together, as 0. */
const CODES = 1 + Math.max(...OPCODES.map(({ code }) => code));

export class RequestCounts {
  readonly shared: SharedArrayBuffer;
  readonly #counts: Float64Array;

  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(CODES * Float64Array.BYTES_PER_ELEMENT);
    this.#counts = new Float64Array(this.shared);
  }

  /** One thread only: nothing is locked. */
  add(code: number): void {
    const at = code < CODES ? code : 0;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  /** By the operation's name; those that never came are left out. */
  byName(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    const unknown = this.#counts[0] ?? 0;
    if (unknown > 0) counts["unknown"] = unknown;
    for (const { code, name } of OPCODES) {
      const count = this.#counts[code] ?? 0;
      if (count > 0) counts[name] = count;
    }
    return counts;
  }
}
