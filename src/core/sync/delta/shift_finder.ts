/** Finds how far bytes of a new version were moved from where they are in the old one. */

import { DELTA_SEARCH_BYTES } from "../../limits.ts";
import type { OldBytes } from "./old_bytes.ts";

/** Equal bytes in a row that are taken for a common origin. */
const MIN_EQUAL_BYTES = 64;
/** What is searched for: long enough to be found in one place only, ... */
const NEEDLE_BYTES = 32;
/** ... of so many different bytes at least, as silence and padding are everywhere. */
const MIN_NEEDLE_VALUES = 12;
/** Searches of the old version, each of DELTA_SEARCH_BYTES to both sides. */
const MAX_SEARCHES = 16;
/** The old version is searched in portions of this size. */
const SEARCH_PORTION_BYTES = 1024 * 1024;

export interface Shifts {
  /** How the first byte is shifted, */
  readonly startShift: number | undefined;
  /** and the last one; undefined: they seem to be new. */
  readonly endShift: number | undefined;
}

export class ShiftFinder {
  /** Shifts met so far, the likeliest first. */
  readonly #known: number[];
  #searches = 0;

  constructor(
    private readonly old: OldBytes,
    known: readonly number[],
  ) {
    this.#known = [...new Set(known)];
  }

  /**
   * The shifts of `bytes`, which begin at `from` in the new version; `left` and `right` hold at the
   * known bytes before and after them. Bytes that fit both (silence, padding) are the end of what is
   * to the left and the beginning of what is to the right.
   */
  async find(
    from: number,
    bytes: Uint8Array,
    left: number | undefined,
    right: number | undefined,
  ): Promise<Shifts> {
    const fitsLeft = left !== undefined && (await this.#equalAtStart(from, bytes, left)).all;
    const fitsRight = right !== undefined && (await this.#equalAtStart(from, bytes, right)).all;
    if (fitsLeft || fitsRight) {
      const startShift = fitsLeft ? left : right;
      return { startShift, endShift: fitsRight ? right : startShift };
    }
    const startShift = await this.#startShift(from, bytes, left);
    const endShift = await this.#endShift(from, bytes, right);
    return { startShift, endShift };
  }

  async #startShift(from: number, bytes: Uint8Array, first: number | undefined) {
    for (const shift of this.#candidates(first)) {
      const { length, all } = await this.#equalAtStart(from, bytes, shift);
      if (all || length >= MIN_EQUAL_BYTES) return shift;
    }
    const at = firstNeedle(bytes);
    if (at === undefined) return undefined;
    return await this.#search(from, bytes, at, async (shift) => {
      const { length } = await this.#equalAtStart(from, bytes, shift);
      return length >= at + NEEDLE_BYTES && length >= MIN_EQUAL_BYTES;
    });
  }

  async #endShift(from: number, bytes: Uint8Array, first: number | undefined) {
    for (const shift of this.#candidates(first)) {
      if ((await this.#equalAtEnd(from, bytes, shift)) >= MIN_EQUAL_BYTES) return shift;
    }
    const at = lastNeedle(bytes);
    if (at === undefined) return undefined;
    return await this.#search(from, bytes, at, async (shift) => {
      const length = await this.#equalAtEnd(from, bytes, shift);
      return length >= bytes.byteLength - at && length >= MIN_EQUAL_BYTES;
    });
  }

  #candidates(first: number | undefined): readonly number[] {
    return first === undefined ? this.#known : [...new Set([first, ...this.#known])];
  }

  async #equalAtStart(from: number, bytes: Uint8Array, shift: number) {
    const old = await this.#oldBytes(from - shift, bytes.byteLength);
    const end = Math.min(bytes.byteLength, old?.byteLength ?? 0);
    let length = 0;
    while (length < end && bytes[length] === old?.[length]) length++;
    return { length, all: length === bytes.byteLength };
  }

  async #equalAtEnd(from: number, bytes: Uint8Array, shift: number): Promise<number> {
    // Only the end is compared: what is before it may begin before the old version does.
    const end = from + bytes.byteLength - shift;
    const begin = Math.max(0, from - shift);
    if (end <= begin || end > this.old.sizeBytes) return 0;
    const old = await this.old.read(begin, end - begin);
    let length = 0;
    while (length < old.byteLength && bytes.at(-1 - length) === old.at(-1 - length)) length++;
    return length;
  }

  /** Undefined where the old version has none. */
  async #oldBytes(offsetBytes: number, lengthBytes: number): Promise<Uint8Array | undefined> {
    if (offsetBytes < 0 || offsetBytes >= this.old.sizeBytes) return undefined;
    return await this.old.read(offsetBytes, lengthBytes);
  }

  /** Searches the old version for the needle `at` in `bytes`; the shift that `fits`, if any does. */
  async #search(
    from: number,
    bytes: Uint8Array,
    at: number,
    fits: (shift: number) => Promise<boolean>,
  ): Promise<number | undefined> {
    if (this.#searches >= MAX_SEARCHES) return undefined;
    this.#searches++;
    const needle = bytes.subarray(at, at + NEEDLE_BYTES);
    const places = this.#known.map((shift) => from + at - shift);
    const begin = Math.max(0, Math.min(...places) - DELTA_SEARCH_BYTES);
    const end = Math.min(this.old.sizeBytes, Math.max(...places) + DELTA_SEARCH_BYTES);
    for (let portion = begin; portion < end; portion += SEARCH_PORTION_BYTES) {
      const hay = Buffer.from(await this.old.read(portion, SEARCH_PORTION_BYTES + NEEDLE_BYTES));
      for (let found = hay.indexOf(needle); found >= 0; found = hay.indexOf(needle, found + 1)) {
        const shift = from + at - (portion + found);
        if (!(await fits(shift))) continue;
        this.#known.push(shift);
        return shift;
      }
    }
    return undefined;
  }
}

/** The first place where bytes worth searching for begin. */
function firstNeedle(bytes: Uint8Array): number | undefined {
  for (let at = 0; at + NEEDLE_BYTES <= bytes.byteLength; at += NEEDLE_BYTES) {
    if (isTelling(bytes.subarray(at, at + NEEDLE_BYTES))) return at;
  }
  return undefined;
}

function lastNeedle(bytes: Uint8Array): number | undefined {
  for (let at = bytes.byteLength - NEEDLE_BYTES; at >= 0; at -= NEEDLE_BYTES) {
    if (isTelling(bytes.subarray(at, at + NEEDLE_BYTES))) return at;
  }
  return undefined;
}

function isTelling(bytes: Uint8Array): boolean {
  return new Set(bytes).size >= MIN_NEEDLE_VALUES;
}
