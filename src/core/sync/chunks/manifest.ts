/**
 * What a version consists of: the lengths and SHA-256 of its chunks, in order.
 *
 * Encoded, all integers little-endian:
 *
 * | bytes | what |
 * |---|---|
 * | 4 | "MuFM" |
 * | 1 | version of the layout and of the chunker, 1 |
 * | 8 | size of the whole in bytes |
 * | 4 | number of chunks n |
 * | 4 n | lengths of the chunks in bytes |
 * | 32 n | their SHA-256 |
 * | 8 | xxHash3 of all before |
 *
 * A 30 MB file has some 400 chunks and a manifest of 15 KB.
 */

import { OwnError } from "../../errors.ts";
import { CHUNK_MAX_BYTES } from "../../limits.ts";

export const SHA256_BYTES = 32;
export const MANIFEST_VERSION = 1;

const MAGIC = 0x4d46754d;
const HEADER_BYTES = 17;
const CHECKSUM_BYTES = 8;

export interface Manifest {
  readonly sizeBytes: number;
  /** Of each chunk; together `sizeBytes`. */
  readonly lengths: Uint32Array;
  /** SHA256_BYTES for each chunk. */
  readonly hashes: Uint8Array;
}

/** Collects the chunks of one manifest. */
export class ManifestBuilder {
  readonly #lengths: number[] = [];
  readonly #hashes: Uint8Array[] = [];
  #sizeBytes = 0;

  /** The next chunk; takes ownership of `sha256`. */
  add(lengthBytes: number, sha256: Uint8Array): void {
    this.#lengths.push(lengthBytes);
    this.#hashes.push(sha256);
    this.#sizeBytes += lengthBytes;
  }

  finish(): Manifest {
    return {
      sizeBytes: this.#sizeBytes,
      lengths: Uint32Array.from(this.#lengths),
      hashes: Buffer.concat(this.#hashes),
    };
  }
}

/** A chunk's SHA-256 as a key: a byte string. */
export function chunkHash({ hashes }: Manifest, chunk: number): string {
  const from = chunk * SHA256_BYTES;
  return Buffer.from(hashes.buffer, hashes.byteOffset + from, SHA256_BYTES).toString("latin1");
}

export function encodeManifest({ sizeBytes, lengths, hashes }: Manifest): Uint8Array {
  const bytes = new Uint8Array(
    HEADER_BYTES + 4 * lengths.length + hashes.byteLength + CHECKSUM_BYTES,
  );
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, MANIFEST_VERSION);
  view.setBigUint64(5, BigInt(sizeBytes), true);
  view.setUint32(13, lengths.length, true);
  let at = HEADER_BYTES;
  for (const length of lengths) {
    view.setUint32(at, length, true);
    at += 4;
  }
  bytes.set(hashes, at);
  at += hashes.byteLength;
  view.setBigUint64(at, Bun.hash.xxHash3(bytes.subarray(0, at)), true);
  return bytes;
}

/** Throws OwnError `manifest` for bytes that are no manifest of this version, or a damaged one. */
export function decodeManifest(bytes: Uint8Array): Manifest {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < HEADER_BYTES + CHECKSUM_BYTES || view.getUint32(0, true) !== MAGIC) {
    throw new OwnError("manifest", "these bytes are not a manifest");
  }
  const version = view.getUint8(4);
  if (version !== MANIFEST_VERSION) {
    throw new OwnError("manifest", `the manifest has version ${version}, not ${MANIFEST_VERSION}`);
  }
  const sizeBytes = Number(view.getBigUint64(5, true));
  const count = view.getUint32(13, true);
  const end = HEADER_BYTES + count * (4 + SHA256_BYTES);
  if (bytes.byteLength !== end + CHECKSUM_BYTES) throw damaged("its length is wrong");
  if (view.getBigUint64(end, true) !== Bun.hash.xxHash3(bytes.subarray(0, end))) {
    throw damaged("its checksum is wrong");
  }
  const lengths = new Uint32Array(count);
  let sum = 0;
  for (let chunk = 0; chunk < count; chunk++) {
    const length = view.getUint32(HEADER_BYTES + 4 * chunk, true);
    if (length === 0 || length > CHUNK_MAX_BYTES) throw damaged("a chunk's length is wrong");
    lengths[chunk] = length;
    sum += length;
  }
  if (sum !== sizeBytes) throw damaged("its chunks are not the whole");
  return { sizeBytes, lengths, hashes: bytes.slice(HEADER_BYTES + 4 * count, end) };
}

function damaged(how: string): OwnError {
  return new OwnError("manifest", `the manifest is damaged: ${how}`);
}
