/**
 * The sampled fingerprint of a file: SHA-256, in lower-case hex, over
 *
 *     size in bytes as 8 bytes, big-endian
 *     the bytes of each region of `fingerprintRegions(size)`, in order
 *
 * A file of at most 2·E + N·S bytes is one region, the whole of it. A larger one of n bytes has its
 * first E bytes, then S bytes at ⌊(n − S)·i / (N + 1)⌋ for i = 1..N, then its last E bytes, where E
 * is FINGERPRINT_EDGE_BYTES, S FINGERPRINT_SAMPLE_BYTES and N FINGERPRINT_SAMPLES. Regions may
 * overlap in files little larger than that; what they share is hashed twice.
 */

import {
  BACKGROUND_SLICE_BYTES,
  FINGERPRINT_EDGE_BYTES,
  FINGERPRINT_SAMPLE_BYTES,
  FINGERPRINT_SAMPLES,
} from "../limits.ts";

export interface Region {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** Reads all of a region; the bytes are valid until the next call. Rejects when it cannot. */
export type RegionReader = (region: Region) => Promise<Uint8Array>;

const WHOLE_BYTES = 2 * FINGERPRINT_EDGE_BYTES + FINGERPRINT_SAMPLES * FINGERPRINT_SAMPLE_BYTES;

export function fingerprintRegions(sizeBytes: number): Region[] {
  if (sizeBytes === 0) return [];
  if (sizeBytes <= WHOLE_BYTES) return [{ offsetBytes: 0, lengthBytes: sizeBytes }];
  const edge = { lengthBytes: FINGERPRINT_EDGE_BYTES };
  const regions: Region[] = [{ ...edge, offsetBytes: 0 }];
  for (let i = 1; i <= FINGERPRINT_SAMPLES; i++) {
    const span = sizeBytes - FINGERPRINT_SAMPLE_BYTES;
    const offsetBytes = Math.floor((span * i) / (FINGERPRINT_SAMPLES + 1));
    regions.push({ offsetBytes, lengthBytes: FINGERPRINT_SAMPLE_BYTES });
  }
  regions.push({ ...edge, offsetBytes: sizeBytes - FINGERPRINT_EDGE_BYTES });
  return regions;
}

export async function fingerprint(sizeBytes: number, read: RegionReader): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  const size = new DataView(new ArrayBuffer(8));
  size.setBigUint64(0, BigInt(sizeBytes));
  hash.update(size.buffer);
  for (const region of fingerprintRegions(sizeBytes)) hash.update(await read(region));
  return hash.digest("hex");
}

/** SHA-256 of the whole file, read in slices of BACKGROUND_SLICE_BYTES. */
export async function wholeSha256(sizeBytes: number, read: RegionReader): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  for (let offsetBytes = 0; offsetBytes < sizeBytes; offsetBytes += BACKGROUND_SLICE_BYTES) {
    const lengthBytes = Math.min(BACKGROUND_SLICE_BYTES, sizeBytes - offsetBytes);
    hash.update(await read({ offsetBytes, lengthBytes }));
  }
  return hash.digest("hex");
}
