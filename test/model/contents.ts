/**
 * What files of the model may hold: a fixed set of byte sequences, so that a history names a content
 * by its number. Several share their size; some differ only where nobody looks before a failover.
 */

import { createHash } from "node:crypto";
import { fingerprintRegions } from "../../src/core/federation/fingerprint.ts";
import { Dice } from "../support/dice.ts";

export interface Content {
  readonly number: number;
  readonly bytes: Uint8Array;
  /** Equal for contents that the sampled fingerprint cannot tell apart. */
  readonly fingerprint: string;
}

const KIB = 1024;
/** A little more than the size up to which a fingerprint covers the whole file. */
const SAMPLED_BYTES = 230_000;

const random = (seed: number, sizeBytes: number) => new Dice(seed).bytes(sizeBytes);

/** `from` with other bytes from `atBytes` on, `lengthBytes` of them. */
function altered(from: Uint8Array, atBytes: number, lengthBytes: number): Uint8Array {
  const bytes = from.slice();
  for (let at = atBytes; at < atBytes + lengthBytes; at++) bytes[at] = (bytes[at] ?? 0) ^ 0x5a;
  return bytes;
}

function made(): Uint8Array[] {
  const three = random(9, 3 * 4 * KIB);
  const large = random(12, 70_000);
  const sampled = random(14, SAMPLED_BYTES);
  return [
    random(0, 0),
    random(1, 1),
    random(2, 5000),
    random(3, 5000),
    random(4, 5000),
    random(5, 4096),
    random(6, 4096),
    random(7, 4097),
    random(8, 4097),
    three,
    // The same first page, so that a seam check which saw only that finds no difference.
    altered(three, 4 * KIB, 8 * KIB),
    random(11, 3 * 4 * KIB),
    large,
    altered(large, 65_536, 1000),
    sampled,
    // Between two samples of the fingerprint.
    altered(sampled, 70_000, 2000),
    random(16, SAMPLED_BYTES),
  ];
}

function fingerprintOf(bytes: Uint8Array): string {
  const hash = createHash("sha256").update(`${bytes.byteLength}:`);
  for (const { offsetBytes, lengthBytes } of fingerprintRegions(bytes.byteLength)) {
    hash.update(bytes.subarray(offsetBytes, offsetBytes + lengthBytes));
  }
  return hash.digest("hex");
}

export const CONTENTS: readonly Content[] = made().map((bytes, number) => ({
  number,
  bytes,
  fingerprint: fingerprintOf(bytes),
}));

export function contentOf(number: number): Content {
  const content = CONTENTS[number];
  if (content === undefined) throw new RangeError(`there is no content ${number}`);
  return content;
}

/** True when `content` has exactly these bytes at that place. */
export function holds(content: Content, offsetBytes: number, bytes: Uint8Array): boolean {
  const { byteLength } = bytes;
  if (offsetBytes + byteLength > content.bytes.byteLength) return false;
  const there = content.bytes.subarray(offsetBytes, offsetBytes + byteLength);
  return Buffer.compare(there, bytes) === 0;
}
