/** What a person asks of the cache, carried out in slices so that readers' blocks are kept between. */

import { type BytePath, pathFromBytes } from "../bytes.ts";
import { type Clock, sleep } from "../clock.ts";
import { BLOCK_BYTES } from "../limits.ts";
import { blockCount, blockLength } from "./blocks.ts";
import { checksumOf } from "./checksum.ts";
import type { ContentRow } from "./content_lookup.ts";
import type { OpenStore } from "./open_store.ts";
import { liesAtOrBelow } from "./pins.ts";
import type {
  BadBlocks,
  CacheStats,
  ClearOptions,
  ClearReport,
  StoreCalls,
  VerifyOptions,
  VerifyReport,
} from "./store_protocol.ts";

/** Contents in one slice of work. */
const PAGE = 128;
/** Blocks read by `verify` in one slice: 16 MiB, some ten milliseconds. */
const SLICE_BLOCKS = 256;

export interface CallPorts {
  /** The store as it is now; throws OwnError `cache` while there is none. Asked anew in each slice. */
  readonly store: () => OpenStore;
  readonly clock: Clock;
  /** Makes valid, and tells, what was done so far. */
  readonly commit: () => void;
  /** Slots whose version has nothing any more. */
  readonly onGone: (slots: readonly number[]) => void;
  /** A block of a slot's version is no longer there, once that is committed. */
  readonly onDropped: (slot: number, block: number) => void;
  /** Work done and to do, in bytes. */
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

export function storeCalls(ports: CallPorts): StoreCalls {
  return {
    stats: async () => {
      ports.commit();
      return cacheStats(ports.store());
    },
    clear: (options) => clearCache(ports, options),
    pin: async (paths) => ports.store().setPins(paths, []),
    unpin: async (paths) => {
      const store = ports.store();
      const pinned = paths.filter((path) => store.pins.has(path));
      store.setPins([], pinned);
      return pinned;
    },
    verify: (options) => verifyCache(ports, options),
  };
}

function cacheStats(store: OpenStore): CacheStats {
  let files = 0;
  let completeFiles = 0;
  let pinnedFiles = 0;
  let pinnedBytes = 0;
  let openFiles = 0;
  for (const row of allContents(store)) {
    files++;
    if (isComplete(row)) completeFiles++;
    if (store.isInUse(row.id)) openFiles++;
    if (!store.isPinned(row)) continue;
    pinnedFiles++;
    pinnedBytes += row.bytes;
  }
  return {
    budgetBytes: store.budgetBytes,
    usedBytes: store.usedBytes,
    files,
    completeFiles,
    pinnedFiles,
    pinnedBytes,
    pins: [...store.pins],
    openFiles,
  };
}

async function clearCache(ports: CallPorts, options: ClearOptions): Promise<ClearReport> {
  const paths = new Set(options.paths);
  let files = 0;
  let bytes = 0;
  let leftFiles = 0;
  for await (const page of pages(ports, paths)) {
    ports.commit();
    const store = ports.store();
    const victims = page.filter((row) => options.pinned || !store.isPinned(row));
    ports.onGone(store.remove(victims));
    leftFiles += page.length - victims.length;
    files += victims.length;
    bytes += sumOf(victims);
  }
  return { files, bytes, leftFiles };
}

async function verifyCache(ports: CallPorts, options: VerifyOptions): Promise<VerifyReport> {
  const paths = new Set(options.paths);
  const totalBytes = totalOf(ports.store(), paths);
  const buffer = new Uint8Array(BLOCK_BYTES);
  const bad = new Map<BytePath, BadBlocks>();
  let files = 0;
  let blocks = 0;
  let bytes = 0;
  for await (const page of pages(ports, paths)) {
    for (const row of page) {
      files++;
      let wrong = 0;
      const sums = ports.store().sumsOf(row);
      for (const block of sums.blocks()) {
        if (++blocks % SLICE_BLOCKS === 0) {
          ports.onProgress(bytes, totalBytes);
          await sleep(ports.clock, 0);
        }
        const store = ports.store();
        // It may have gone while others had their turn.
        if (store.index.content(row.id) === undefined) break;
        bytes += blockLength(block, row.size);
        if (isGood(store, row, block, sums.get(block), buffer)) continue;
        wrong++;
        if (options.repair) drop(ports, store, row, block);
      }
      const path = pathFromBytes(row.path);
      if (wrong > 0) bad.set(path, { path, blocks: wrong + (bad.get(path)?.blocks ?? 0) });
    }
    ports.commit();
  }
  ports.onProgress(totalBytes, totalBytes);
  return { files, blocks, bytes, bad: [...bad.values()] };
}

/** Whether the block is on disk as its checksum proves. An unreadable one is not. */
function isGood(
  store: OpenStore,
  row: ContentRow,
  block: number,
  sum: bigint,
  buffer: Uint8Array,
): boolean {
  try {
    const found = store.files.read(row.id, row.size, block, buffer);
    return found.byteLength === blockLength(block, row.size) && checksumOf(found) === sum;
  } catch (error) {
    if (error instanceof Error && "code" in error) return false;
    throw error;
  }
}

function drop({ onDropped }: CallPorts, store: OpenStore, row: ContentRow, block: number): void {
  const content = store.open(row);
  store.drop(content, block);
  for (const slot of content.slots) onDropped(slot, block);
}

function isComplete(row: ContentRow): boolean {
  // Short of reading its checksums: a content with a block missing takes less than the whole.
  return row.bytes >= row.size && blockCount(row.size) > 0;
}

function totalOf(store: OpenStore, paths: ReadonlySet<BytePath>): number {
  let total = 0;
  for (const row of allContents(store)) if (isMeant(row, paths)) total += row.bytes;
  return total;
}

function isMeant(row: ContentRow, paths: ReadonlySet<BytePath>): boolean {
  return paths.size === 0 || liesAtOrBelow(pathFromBytes(row.path), paths);
}

function* allContents(store: OpenStore): Generator<ContentRow> {
  let after = 0;
  for (;;) {
    const page = store.index.contents(after, PAGE);
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}

/** The contents that lie at or below the paths, all without any; others have a turn in between. */
async function* pages(
  { store, clock }: CallPorts,
  paths: ReadonlySet<BytePath>,
): AsyncGenerator<readonly ContentRow[]> {
  let after = 0;
  for (;;) {
    const page = store().index.contents(after, PAGE);
    const last = page.at(-1);
    if (last === undefined) return;
    yield page.filter((row) => isMeant(row, paths));
    after = last.id;
    await sleep(clock, 0);
  }
}

function sumOf(rows: readonly ContentRow[]): number {
  return rows.reduce((sum, { bytes }) => sum + bytes, 0);
}
