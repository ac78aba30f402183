/** The main thread's look at the index. What cannot be read is not there. */

import { type BytePath, pathFromBytes } from "../bytes.ts";
import { Connection } from "../catalog/connection.ts";
import { CACHE_INDEX_READER_KIB } from "../limits.ts";
import { blockCount } from "./blocks.ts";
import type { BlockSums } from "./checksum.ts";
import {
  contentById,
  contentsAt,
  findContent,
  loadSums,
  presentContents,
} from "./content_lookup.ts";
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

  /** The content with all its blocks. */
  wholeById(id: number): (CachedContent & SizedContent & { readonly path: BytePath }) | undefined {
    const connection = this.#connection;
    if (connection === undefined) return undefined;
    return this.#attempt(() => {
      const row = contentById(connection, id);
      if (row === undefined) return undefined;
      const sums = loadSums(connection, id);
      if (sums.count !== blockCount(row.size)) return undefined;
      return { content: id, sizeBytes: row.size, sums, path: pathFromBytes(row.path) };
    });
  }

  /** Paths of all contents, each once. */
  paths(): readonly BytePath[] {
    const connection = this.#connection;
    if (connection === undefined) return [];
    const rows = this.#attempt(() => presentContents(connection)) ?? [];
    return [...new Set(rows.map(({ path }) => pathFromBytes(path)))];
  }

  /** Ids of contents at paths that are not `isKnown`, by their lengths. */
  elsewhere(isKnown: (path: BytePath) => boolean): ReadonlyMap<number, readonly number[]> {
    const found = new Map<number, number[]>();
    const connection = this.#connection;
    if (connection === undefined) return found;
    for (const { id, size, path } of this.#attempt(() => presentContents(connection)) ?? []) {
      if (isKnown(pathFromBytes(path))) continue;
      const ids = found.get(size) ?? [];
      found.set(size, ids);
      ids.push(id);
    }
    return found;
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
