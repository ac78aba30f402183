/** Reading a published index. What is read is verified by its name; who wrote it is not asked. */

import type { BytePath } from "../../bytes.ts";
import { OwnError } from "../../errors.ts";
import { decodeManifest, type Manifest } from "../chunks/manifest.ts";
import {
  decodeHead,
  decodePage,
  INDEX_HEAD,
  type IndexEntry,
  type IndexHead,
  objectName,
  pageOf,
  sha256Hex,
} from "./index_page.ts";
import type { IndexSource } from "./index_store.ts";

export class PublishedIndex {
  #head: Promise<IndexHead> | undefined;

  constructor(readonly source: IndexSource) {}

  /** What the index says of the file; rejects with OwnError `manifest` where it cannot be read. */
  async find(path: BytePath): Promise<IndexEntry | undefined> {
    const head = await this.#headNow();
    const page = head[pageOf(path, Math.log2(head.length))] ?? "";
    return decodePage(await this.#object(page)).find((entry) => entry.path === path);
  }

  /** Rejects with OwnError `manifest`. */
  async manifest({ manifest, sizeBytes }: IndexEntry): Promise<Manifest> {
    const decoded = decodeManifest(await this.#object(manifest));
    if (decoded.sizeBytes === sizeBytes) return decoded;
    throw new OwnError("manifest", "the index contradicts itself");
  }

  #headNow(): Promise<IndexHead> {
    this.#head ??= this.source.get(INDEX_HEAD).then(decodeHead);
    return this.#head;
  }

  async #object(sha256: string): Promise<Uint8Array> {
    const bytes = await this.source.get(objectName(sha256));
    if (sha256Hex(bytes) === sha256) return bytes;
    throw new OwnError("manifest", "an object of the index is damaged");
  }
}
