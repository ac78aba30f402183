/** Old and new versions in memory, with what was read of the new one counted. */

import type { ContentProof } from "../../../../src/core/origins/origin.ts";
import { NewBytes } from "../../../../src/core/sync/delta/new_bytes.ts";
import type { OldBytes } from "../../../../src/core/sync/delta/old_bytes.ts";

/** Bytes that look like compressed audio; the same for the same seed. */
export function noise(seed: number, lengthBytes: number): Buffer {
  const words = new Uint32Array(Math.ceil(lengthBytes / 4));
  let state = (seed * 2_654_435_761) | 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return Buffer.from(words.buffer, 0, lengthBytes);
}

export function oldBytes(bytes: Uint8Array): OldBytes {
  return {
    sizeBytes: bytes.byteLength,
    read: async (offsetBytes, lengthBytes) => {
      if (offsetBytes < 0) throw new RangeError(`read at ${offsetBytes}`);
      return bytes.subarray(offsetBytes, offsetBytes + lengthBytes);
    },
  };
}

export function newBytes(bytes: Uint8Array, budgetBytes = bytes.byteLength): NewBytes {
  return new NewBytes(bytes.byteLength, budgetBytes, async (offsetBytes, into) => {
    into.set(bytes.subarray(offsetBytes, offsetBytes + into.byteLength));
  });
}

export function md5Of(bytes: Uint8Array): ContentProof {
  return { kind: "md5", hex: new Bun.CryptoHasher("md5").update(bytes).digest("hex") };
}

/** A FLAC file's metadata block. */
export function flacBlock(type: number, body: Uint8Array, isLast = false): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt8(type | (isLast ? 0x80 : 0));
  header.writeUIntBE(body.byteLength, 1, 3);
  return Buffer.concat([header, body]);
}

export interface FlacParts {
  readonly comment: string;
  readonly cover: Uint8Array;
  readonly paddingBytes: number;
  readonly audio: Uint8Array;
}

export function flac({ comment, cover, paddingBytes, audio }: FlacParts): Buffer {
  return Buffer.concat([
    Buffer.from("fLaC"),
    flacBlock(0, noise(99, 34)),
    flacBlock(4, Buffer.from(comment)),
    flacBlock(6, cover),
    flacBlock(1, Buffer.alloc(paddingBytes), true),
    audio,
  ]);
}
