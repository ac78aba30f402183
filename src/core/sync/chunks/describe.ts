/** What a version's bytes are, found out by reading all of them once. */

import type { VersionContent } from "../../catalog/catalog.ts";
import { ChunkStream } from "./chunk_stream.ts";
import { encodeManifest } from "./manifest.ts";

/** Takes a version's bytes in order; in memory of three hashes, whatever the length (S-1). */
export class Description {
  readonly #md5 = new Bun.CryptoHasher("md5");
  readonly #sha256 = new Bun.CryptoHasher("sha256");
  readonly #chunks = new ChunkStream();

  /** The next bytes, which are not kept. */
  push(bytes: Uint8Array): void {
    this.#md5.update(bytes);
    this.#sha256.update(bytes);
    this.#chunks.push(bytes);
  }

  /** Of all bytes pushed. Nothing may be pushed afterwards. */
  finish(): VersionContent {
    return {
      md5: this.#md5.digest("hex"),
      sha256: this.#sha256.digest("hex"),
      manifest: encodeManifest(this.#chunks.finish()),
    };
  }
}
