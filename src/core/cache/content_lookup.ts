/** Finding what is cached of a version: reads of the index that the store and its readers share. */

import { type BytePath, toBytes } from "../bytes.ts";
import type { Connection } from "../catalog/connection.ts";
import { BLOCKS_PER_GROUP } from "../limits.ts";
import { BlockSums } from "./checksum.ts";
import type { ContentName } from "./content_name.ts";

/** What the index knows of a content. */
export interface ContentRow {
  readonly id: number;
  readonly size: number;
  /** What its blocks take on disk. */
  readonly bytes: number;
  /** The turn in which it was last read. */
  readonly used: number;
  readonly path: Uint8Array;
  readonly superseded: number;
}

const CONTENT = "c.id, c.size, c.bytes, c.used, c.path, c.superseded";

const BY_NAME = `SELECT ${CONTENT} FROM name n JOIN content c ON c.id = n.content WHERE n.name = ?`;
const BY_PATH = `SELECT ${CONTENT} FROM content c WHERE c.path = ?
  ORDER BY c.superseded, c.used DESC, c.id DESC`;
const BY_ID = `SELECT ${CONTENT} FROM content c WHERE c.id = ?`;

export interface FoundContent {
  readonly row: ContentRow;
  /** Those of the names that do not lead to it. */
  readonly otherNames: readonly ContentName[];
}

/**
 * The content of that size which one of the names leads to. Two replicas may have been cached before
 * it was known that they are equal: then the one of which more is there.
 */
export function findContent(
  connection: Connection,
  names: readonly ContentName[],
  sizeBytes: number,
): FoundContent | undefined {
  const statement = connection.statement<ContentRow, [Uint8Array]>(BY_NAME);
  const rows = names.map((name) => ({ name, row: statement.get(nameBytes(name)) ?? undefined }));
  let best: ContentRow | undefined;
  for (const { row } of rows) {
    if (row === undefined || row.size !== sizeBytes) continue;
    if (best === undefined || row.bytes > best.bytes) best = row;
  }
  if (best === undefined) return undefined;
  const { id } = best;
  const otherNames = rows.filter(({ row }) => row?.id !== id).map(({ name }) => name);
  return { row: best, otherNames };
}

/** Contents whose latest path this is: what is there now before what was there once. */
export function contentsAt(connection: Connection, path: BytePath): readonly ContentRow[] {
  return connection.statement<ContentRow, [Uint8Array]>(BY_PATH).all(toBytes(path));
}

/** All contents of which something is there. */
export function presentContents(connection: Connection): readonly ContentRow[] {
  return connection
    .statement<ContentRow, []>(`SELECT ${CONTENT} FROM content c WHERE c.bytes > 0 ORDER BY c.id`)
    .all();
}

export function contentById(connection: Connection, id: number): ContentRow | undefined {
  return connection.statement<ContentRow, [number]>(BY_ID).get(id) ?? undefined;
}

export function loadSums(connection: Connection, content: number): BlockSums {
  const rows = connection
    .statement<{ readonly number: number; readonly sums: Uint8Array }, [number]>(
      "SELECT number, sums FROM sums WHERE content = ?",
    )
    .all(content);
  const groups = new Map<number, BigUint64Array>();
  for (const { number, sums } of rows) groups.set(number, sumsFromBytes(sums));
  return new BlockSums(groups);
}

export function nameBytes(name: ContentName): Uint8Array {
  return Buffer.from(name, "hex");
}

/** Both processors that the program runs on are little-endian. */
export function sumsToBytes(sums: BigUint64Array): Uint8Array {
  return new Uint8Array(sums.buffer, sums.byteOffset, sums.byteLength);
}

function sumsFromBytes(bytes: Uint8Array): BigUint64Array {
  const sums = new BigUint64Array(BLOCKS_PER_GROUP);
  sumsToBytes(sums).set(bytes.subarray(0, sums.byteLength));
  return sums;
}
