/**
 * Tags around MP3 audio, and around that of formats which were given the same: ID3v2 in front
 * (id3.org, ID3v2.4.0 structure, 3.1), ID3v1 and APEv2 at the end.
 */

import type { Extent } from "../new_bytes.ts";
import type { OldBytes } from "../old_bytes.ts";

const ID3V2_HEADER_BYTES = 10;
const ID3V2_FOOTER_BYTES = 10;
const HAS_FOOTER = 0x10;
const ID3V1_BYTES = 128;
const APE_FOOTER_BYTES = 32;

/** Length of an ID3v2 tag at the beginning of `head`, whose first ten bytes suffice; 0 for none. */
export function id3v2Bytes(head: Uint8Array): number {
  const bytes = Buffer.from(head);
  if (bytes.byteLength < ID3V2_HEADER_BYTES || bytes.toString("latin1", 0, 3) !== "ID3") return 0;
  const digits = bytes.subarray(6, 10);
  if (digits.some((digit) => digit > 0x7f)) return 0;
  const body = digits.reduce((size, digit) => size * 128 + digit, 0);
  const footer = (bytes.readUInt8(5) & HAS_FOOTER) === 0 ? 0 : ID3V2_FOOTER_BYTES;
  return ID3V2_HEADER_BYTES + body + footer;
}

/** ID3v1 and the APEv2 tag before it. */
export async function trailingTags(old: OldBytes): Promise<readonly Extent[]> {
  const tags: Extent[] = [];
  let end = old.sizeBytes;
  if (end >= ID3V1_BYTES) {
    const tag = Buffer.from(await old.read(end - ID3V1_BYTES, 3)).toString("latin1");
    if (tag === "TAG") {
      tags.push({ from: end - ID3V1_BYTES, end });
      end -= ID3V1_BYTES;
    }
  }
  if (end < APE_FOOTER_BYTES) return tags;
  const footer = Buffer.from(await old.read(end - APE_FOOTER_BYTES, APE_FOOTER_BYTES));
  if (footer.toString("latin1", 0, 8) !== "APETAGEX") return tags;
  // The size counts items and footer; a header of the same length may come before.
  const from = end - footer.readUInt32LE(12) - APE_FOOTER_BYTES;
  if (from >= 0) tags.unshift({ from, end });
  return tags;
}
