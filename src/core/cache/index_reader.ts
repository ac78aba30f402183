/** The main thread's look at the index. What cannot be read is not there. */

import type { BytePath } from "../bytes.ts";
import { Connection } from "../catalog/connection.ts";
import { CACHE_INDEX_READER_KIB } from "../limits.ts";
import { blockCount } from "./blocks.ts";
import type { BlockSums } from "./checksum.ts";
import { contentsAt, findContent, loadSums } from "./content_lookup.ts";
import type { ContentName } from "./content_name.ts";
import { indexFile } from "./open_index.ts";

export interface CachedContent {
  readonly content: number;
  readonly sums: BlockSums;
}

interface SizedContent {
  readonly sizeBytes: number;
}

export class IndexReader implements Disposable {
  #connection: Connection | undefined;

  constructor(readonly directory: string) {}

  /** The index is there, or another one is in its place. */
  reopen(): void {
    this[Symbol.dispose]();
    this.#attempt(() => {
      this.#connection = Connection.forReading(indexFile(this.directory), CACHE_INDEX_READER_KIB);
    });
  }

  find(names: readonly ContentName[], sizeBytes: number): CachedContent | undefined {
    const connection = this.#connection;
    if (connection === undefined || names.length === 0) return undefined;
    return this.#attempt(() => {
      const found = findContent(connection, names, sizeBytes);
      if (found === undefined) return undefined;
      const content = found.row.id;
      return { content, sums: loadSums(connection, content) };
    });
  }

  /** The latest content of this path with all its blocks, other than `except`. */
  wholeAt(path: BytePath, except: number): (CachedContent & SizedContent) | undefined {
    const connection = this.#connection;
    if (connection === undefined) return undefined;
    return this.#attempt(() => {
      for (const { id: content, size: sizeBytes } of contentsAt(connection, path)) {
        if (content === except) continue;
        const sums = loadSums(connection, content);
        if (sums.count === blockCount(sizeBytes)) return { content, sizeBytes, sums };
      }
      return undefined;
    });
  }

  [Symbol.dispose](): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** The store meets the same failure and says what it is; here it means that nothing is cached. */
  #attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      void error;
      return undefined;
    }
  }
}
