/** What lies in a cache directory whose program has ended: each file must be what it is called. */

import { existsSync, readFileSync } from "node:fs";
import { blockCount, blockLength } from "../../src/core/cache/blocks.ts";
import { type BlockSums, checksumOf } from "../../src/core/cache/checksum.ts";
import { loadSums } from "../../src/core/cache/content_lookup.ts";
import { dataDirectory, dataFile } from "../../src/core/cache/data_files.ts";
import { contentDirectory, indexFile } from "../../src/core/cache/open_index.ts";
import { Connection } from "../../src/core/catalog/connection.ts";
import { BLOCK_BYTES } from "../../src/core/limits.ts";
import { type Content, holds } from "./contents.ts";
import type { Storage } from "./storage.ts";

const INDEX_KIB = 256;

interface ContentRow {
  readonly id: number;
  readonly size: number;
}

/**
 * Files of which some block, as its checksum proves it, is of no content that went under one of the
 * file's names; or, but for weak tokens, of another one than the next block.
 */
export function wrongFiles(cacheDir: string, storages: Iterable<Storage>): readonly string[] {
  const directory = contentDirectory(cacheDir);
  if (!existsSync(indexFile(directory))) return [];
  const known = new Map<string, ReadonlySet<Content>>();
  for (const storage of storages) {
    for (const [name, contents] of storage.cachedNames()) known.set(name, contents);
  }
  const connection = Connection.forReading(indexFile(directory), INDEX_KIB);
  try {
    const data = dataDirectory(directory, generationOf(connection));
    const rows = connection.statement<ContentRow, []>("SELECT id, size FROM content").all();
    return rows.flatMap(({ id, size }) => {
      const file = dataFile(data, id);
      if (!existsSync(file)) return [];
      const called = namesOf(connection, id).map((name) => known.get(name) ?? new Set<Content>());
      const blocks = provedBlocks(readFileSync(file), size, loadSums(connection, id));
      return isCalled(blocks, called) ? [] : [`content ${id} of ${size} bytes`];
    });
  } finally {
    connection.close();
  }
}

function generationOf(connection: Connection): string {
  const store = connection.statement<{ readonly generation: string }, []>(
    "SELECT generation FROM store",
  );
  return store.get()?.generation ?? "";
}

function namesOf(connection: Connection, content: number): readonly string[] {
  return connection
    .statement<{ readonly name: Uint8Array }, [number]>("SELECT name FROM name WHERE content = ?")
    .all(content)
    .map(({ name }) => Buffer.from(name).toString("hex"));
}

interface Block {
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

function provedBlocks(bytes: Uint8Array, sizeBytes: number, sums: BlockSums): readonly Block[] {
  return Array.from({ length: blockCount(sizeBytes) }, (_, block): Block => {
    const offsetBytes = block * BLOCK_BYTES;
    const length = blockLength(block, sizeBytes);
    return { offsetBytes, bytes: bytes.subarray(offsetBytes, offsetBytes + length) };
  }).filter(({ bytes: there }, block) => checksumOf(there) === sums.get(block));
}

/** `called`: for each name what it may stand for; several contents only where tokens are weak. */
function isCalled(blocks: readonly Block[], called: readonly ReadonlySet<Content>[]): boolean {
  const isOf = (content: Content, { offsetBytes, bytes }: Block) =>
    holds(content, offsetBytes, bytes);
  // Of two contents that turned out to be equal one lost its names: nobody can read it any more.
  if (called.length === 0) return true;
  const all = [...new Set(called.flatMap((contents) => [...contents]))];
  const isWeak = called.some(({ size }) => size > 1);
  return isWeak
    ? blocks.every((block) => all.some((content) => isOf(content, block)))
    : all.some((content) => blocks.every((block) => isOf(content, block)));
}
