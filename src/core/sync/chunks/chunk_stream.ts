/** Bytes in, chunks with their hashes out; in memory of one hash, whatever the length (S-1). */

import { FastCdc } from "./fast_cdc.ts";
import { type Manifest, ManifestBuilder } from "./manifest.ts";

export class ChunkStream {
  readonly #cdc = new FastCdc();
  readonly #manifest = new ManifestBuilder();
  #sha256 = new Bun.CryptoHasher("sha256");

  /** The next bytes, which are not kept. */
  push(data: Uint8Array): void {
    let from = 0;
    while (from < data.byteLength) {
      const held = this.#cdc.heldBytes;
      const end = this.#cdc.cut(data, from);
      this.#sha256.update(data.subarray(from, end < 0 ? data.byteLength : end));
      if (end < 0) return;
      this.#add(held + end - from);
      from = end;
    }
  }

  /** The manifest of all bytes pushed. Nothing may be pushed afterwards. */
  finish(): Manifest {
    if (this.#cdc.heldBytes > 0) this.#add(this.#cdc.heldBytes);
    return this.#manifest.finish();
  }

  #add(lengthBytes: number): void {
    this.#manifest.add(lengthBytes, this.#sha256.digest());
    this.#sha256 = new Bun.CryptoHasher("sha256");
  }
}

/** The manifest of bytes that are all in memory. */
export function manifestOf(data: Uint8Array): Manifest {
  const chunks = new ChunkStream();
  chunks.push(data);
  return chunks.finish();
}
