/** Inputs made from others: a few changes each, of the kinds that parsers trip over. */

import type { Dice } from "../support/dice.ts";

const MAX_BYTES = 64 * 1024;
const MAX_CHANGES = 5;
const LONG_RUN = 300;

/** Numbers at which unsigned, signed and exact ones break. */
const EXTREMES = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0xffffn,
  0x7fff_ffffn,
  0xffff_ffffn,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** A mutation of one of `corpus`, which is not empty; the same for the same throws. */
export function mutation(
  corpus: readonly Uint8Array[],
  tokens: readonly string[],
  dice: Dice,
): Uint8Array {
  let bytes: Buffer = Buffer.from(dice.one(corpus));
  for (let changes = 1 + dice.below(MAX_CHANGES); changes > 0; changes--) {
    bytes = changed(bytes, corpus, tokens, dice);
  }
  return bytes.subarray(0, MAX_BYTES);
}

function changed(
  bytes: Buffer,
  corpus: readonly Uint8Array[],
  tokens: readonly string[],
  dice: Dice,
): Buffer {
  const at = dice.below(bytes.length + 1);
  const few = 1 + dice.below(1 + dice.below(32));
  const head = bytes.subarray(0, at);
  const tail = bytes.subarray(at);
  switch (dice.below(10)) {
    case 0:
      return Buffer.concat([head, dice.bytes(1), tail.subarray(1)]);
    case 1:
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8));
      return bytes;
    case 2:
      return extreme(bytes, at, dice);
    case 3:
      return head;
    case 4:
      return Buffer.concat([head, tail.subarray(few)]);
    case 5:
      return Buffer.concat([head, dice.bytes(few), tail]);
    case 6:
      return Buffer.concat([head, Buffer.alloc(dice.below(LONG_RUN), dice.bytes(1)), tail]);
    case 7:
      return Buffer.concat([head, tail.subarray(0, few), tail]);
    case 8: {
      const other = Buffer.from(dice.one(corpus));
      return Buffer.concat([head, other.subarray(dice.below(other.length + 1))]);
    }
    default:
      return tokens.length === 0
        ? bytes
        : Buffer.concat([head, Buffer.from(dice.one(tokens)), tail]);
  }
}

/** A number of 1 to 8 bytes, either end first, in the place of another. */
function extreme(bytes: Buffer, at: number, dice: Dice): Buffer {
  const width = dice.one([1, 2, 4, 8]);
  const number = Buffer.alloc(8);
  number.writeBigUInt64LE(dice.one(EXTREMES));
  const field = number.subarray(0, width);
  if (dice.chance(0.5)) field.reverse();
  // Most numbers of formats with fields are aligned.
  const from = dice.chance(0.7) ? at - (at % width) : at;
  return Buffer.concat([bytes.subarray(0, from), field, bytes.subarray(from + width)]);
}
