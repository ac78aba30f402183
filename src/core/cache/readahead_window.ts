/**
 * How far ahead of a reader it is worth reading: as far as it has read in sequence beyond a look,
 * rounded up to a power of two, between READAHEAD_MIN_BYTES and READAHEAD_MAX_BYTES.
 *
 * Nothing is read ahead before a second read goes on where the first ended and they leave a look
 * behind: who looks at headers and tails gets what it asks for and no more.
 */

import { READAHEAD_MAX_BYTES, READAHEAD_MIN_BYTES } from "../limits.ts";

export class ReadaheadWindow {
  /** The sequence that the latest read belongs to. */
  #startBytes = 0;
  #endBytes = 0;
  #reads = 0;

  /** `lookBytes`: LOOK_BYTES or PAGED_LOOK_BYTES, whoever asks. */
  constructor(private readonly lookBytes: () => number) {}

  /**
   * Notes a read. False: it is a seek, and what was read ahead before is not needed any more.
   * Skipping within the window and looking back within the sequence are none.
   */
  note(offsetBytes: number, lengthBytes: number): boolean {
    const continues =
      this.#reads > 0 &&
      offsetBytes >= this.#startBytes &&
      offsetBytes <= this.#endBytes + this.aheadBytes;
    if (!continues) {
      this.#startBytes = offsetBytes;
      this.#endBytes = offsetBytes;
      this.#reads = 0;
    }
    this.#endBytes = Math.max(this.#endBytes, offsetBytes + lengthBytes);
    this.#reads++;
    return continues;
  }

  /** How far the sequence has got. */
  get endBytes(): number {
    return this.#endBytes;
  }

  /** How much to read ahead of that; 0 for a reader that is not sequential, or not yet. */
  get aheadBytes(): number {
    const beyondBytes = this.#endBytes - this.#startBytes - this.lookBytes();
    if (this.#reads < 2 || beyondBytes <= 0) return 0;
    const doubled = 2 ** Math.ceil(Math.log2(beyondBytes));
    return Math.min(Math.max(doubled, READAHEAD_MIN_BYTES), READAHEAD_MAX_BYTES);
  }
}
