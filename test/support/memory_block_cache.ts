/**
 * A block cache in memory, for tests of what reads through one. It keeps what the contract lets a
 * cache keep; the knobs make it slow to write, degraded, or wrong about a block.
 */

import type {
  BlockCache,
  BlockSource,
  CacheableFile,
  CachedFile,
  CacheState,
} from "../../src/core/cache/block_cache.ts";
import {
  blockAt,
  blockCount,
  blockLength,
  requireWholeBlocks,
} from "../../src/core/cache/blocks.ts";
import { BLOCK_BYTES, CACHE_QUEUE_BYTES } from "../../src/core/limits.ts";

export interface MemoryBlockCacheOptions {
  /** Origins whose bytes are kept. Default: all. */
  readonly cached?: (origin: string) => boolean;
  /** Bytes that `keep` takes before they are written. Default CACHE_QUEUE_BYTES. */
  readonly queueBytes?: number;
}

export class MemoryBlockCache implements BlockCache {
  state: CacheState = { status: "ok" };
  /** While true, what was kept stays in the queue: `has` is false for it. */
  isHeld = false;
  /** Calls of `keep` that were taken and not, and reads that found all or not all they wanted. */
  readonly counts = { kept: 0, dropped: 0, hits: 0, misses: 0 };
  readonly #versions = new Map<number, Map<number, Uint8Array>>();
  readonly #open = new Map<number, number>();
  readonly #queue: { readonly bytes: number; readonly write: () => void }[] = [];
  #roomWaiters: (() => void)[] = [];

  constructor(readonly options: MemoryBlockCacheOptions = {}) {}

  open(file: CacheableFile): CachedFile {
    const blocks = this.#blocks(file.version);
    this.#open.set(file.version, this.openCount(file.version) + 1);
    let isOpen = true;
    return {
      has: (block) => blocks.has(block),
      get isComplete() {
        return blocks.size === blockCount(file.sizeBytes);
      },
      read: async (offsetBytes, into) => this.#read(blocks, file.sizeBytes, offsetBytes, into),
      keep: (offsetBytes, bytes, source) => this.#keep(file, offsetBytes, bytes, source),
      settled: async () => {
        while (this.#queue.length > 0) {
          await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
        }
      },
      [Symbol.dispose]: () => {
        if (isOpen) this.#open.set(file.version, this.openCount(file.version) - 1);
        isOpen = false;
      },
    };
  }

  async room(): Promise<void> {
    while (this.#queued >= this.#queueBytes) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
    }
  }

  /** Views of a version that were not disposed, for leak checks. */
  openCount(version: number): number {
    return this.#open.get(version) ?? 0;
  }

  /** Writes what is in the queue. */
  release(): void {
    this.isHeld = false;
    for (const { write } of this.#queue.splice(0)) write();
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  }

  /** As if the block was evicted or found to be bad. */
  lose(version: number, block: number): void {
    this.#blocks(version).delete(block);
  }

  /** Blocks of a version that are there, ascending. */
  blocksOf(version: number): readonly number[] {
    return [...this.#blocks(version).keys()].sort((a, b) => a - b);
  }

  get #queueBytes(): number {
    return this.options.queueBytes ?? CACHE_QUEUE_BYTES;
  }

  get #queued(): number {
    return this.#queue.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #blocks(version: number): Map<number, Uint8Array> {
    const known = this.#versions.get(version);
    if (known !== undefined) return known;
    const blocks = new Map<number, Uint8Array>();
    this.#versions.set(version, blocks);
    return blocks;
  }

  #read(
    blocks: ReadonlyMap<number, Uint8Array>,
    sizeBytes: number,
    offsetBytes: number,
    into: Uint8Array,
  ): number {
    const wanted = Math.max(0, Math.min(into.byteLength, sizeBytes - offsetBytes));
    let done = 0;
    while (done < wanted) {
      const at = offsetBytes + done;
      const block = blocks.get(blockAt(at));
      if (block === undefined) break;
      const piece = block.subarray(at % BLOCK_BYTES).subarray(0, wanted - done);
      into.set(piece, done);
      done += piece.byteLength;
    }
    if (done === wanted) this.counts.hits++;
    else this.counts.misses++;
    return done;
  }

  #keep(
    file: CacheableFile,
    offsetBytes: number,
    bytes: Uint8Array,
    { origin, proved }: BlockSource,
  ): boolean {
    requireWholeBlocks(offsetBytes, bytes.byteLength, file.sizeBytes);
    const isWanted = proved && (this.options.cached?.(origin) ?? true);
    const fits = this.#queued + bytes.byteLength <= this.#queueBytes;
    if (!isWanted || !fits || this.state.status !== "ok") {
      this.counts.dropped++;
      return false;
    }
    this.counts.kept++;
    const copy = bytes.slice();
    const write = () => {
      const blocks = this.#blocks(file.version);
      for (let at = 0; at < copy.byteLength; at += BLOCK_BYTES) {
        const block = blockAt(offsetBytes + at);
        blocks.set(block, copy.slice(at, at + blockLength(block, file.sizeBytes)));
      }
    };
    if (this.isHeld) this.#queue.push({ bytes: copy.byteLength, write });
    else write();
    return true;
  }
}
