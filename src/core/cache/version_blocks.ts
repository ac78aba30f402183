/**
 * The blocks of one version that is open, for all its readers together: on the cache's disk, in
 * memory, or on their way from the origins. Each is fetched once, and proved ones are kept on disk.
 */

import { OwnError } from "../errors.ts";
import type { FederatedFile, FetchBytes, ReadOutcome } from "../federation/file.ts";
import { BLOCK_BYTES, FETCH_BYTES } from "../limits.ts";
import type { CachedFile } from "./block_cache.ts";
import { BlockFetch, type BlockRun } from "./block_fetch.ts";
import type { HeldBytes, ReaderMemory } from "./reader_memory.ts";

export interface VersionBlocksPorts {
  readonly memory: ReaderMemory;
  readonly fetch: FetchBytes;
}

export interface StartOptions {
  /** Nobody waits for it: it starts only if there is memory. */
  readonly background: boolean;
  readonly deadlineMs?: number;
}

interface Held extends HeldBytes {
  readonly fetch: BlockFetch;
}

const FETCH_BLOCKS = FETCH_BYTES / BLOCK_BYTES;

export class VersionBlocks implements Disposable {
  /** What is in memory or on its way, by block. */
  readonly #fetches = new Map<number, BlockFetch>();
  readonly #held = new Map<BlockFetch, Held>();
  #isOpen = true;

  constructor(
    readonly sizeBytes: number,
    readonly cached: CachedFile,
    private readonly ports: VersionBlocksPorts,
  ) {}

  /** The block, in memory or on its way there. */
  fetchOf(block: number): BlockFetch | undefined {
    return this.#fetches.get(block);
  }

  /** What is on disk, up to the first block that is not or that is in memory. */
  cachedEnd(first: number, end: number): number {
    let block = first;
    while (block < end && !this.#fetches.has(block) && this.cached.has(block)) block++;
    return block;
  }

  /** The blocks of a run that nobody has or fetches, in runs of `maxBlocks` at most; default: of FETCH_BYTES. */
  *missing({ first, end }: BlockRun, maxBlocks = FETCH_BLOCKS): Generator<BlockRun> {
    let start = first;
    for (let block = first; block <= end; block++) {
      const isMissing = block < end && !this.#fetches.has(block) && !this.cached.has(block);
      if (isMissing && block - start < maxBlocks) continue;
      if (block > start) yield { first: start, end: block };
      start = isMissing ? block : block + 1;
    }
  }

  /** Fetches blocks that are `missing`; undefined when there is no memory for it. */
  start(file: FederatedFile, run: BlockRun, options: StartOptions): BlockFetch | undefined {
    const { memory, fetch } = this.ports;
    const offsetBytes = run.first * BLOCK_BYTES;
    const lengthBytes = Math.min(run.end * BLOCK_BYTES, this.sizeBytes) - offsetBytes;
    if (!memory.take(lengthBytes, !options.background)) return undefined;
    const started = new BlockFetch(run, lengthBytes, {
      read: async (signal) => {
        const fetched = await fetch(file, offsetBytes, lengthBytes, { ...options, signal });
        const { bytesRead } = fetched.outcome;
        if (bytesRead === lengthBytes) return fetched;
        fetched[Symbol.dispose]();
        throw new OwnError("internal", `${bytesRead} of ${lengthBytes} bytes were read`);
      },
      onArrived: (arrived, outcome) => this.#arrived(arrived, outcome),
      onLost: (lost) => {
        memory.give(lengthBytes);
        this.#forget(lost);
      },
    });
    for (let block = run.first; block < run.end; block++) this.#fetches.set(block, started);
    return started;
  }

  /** The blocks are used now, and stay in memory for longer than others. */
  touch(fetch: BlockFetch): void {
    const held = this.#held.get(fetch);
    if (held !== undefined) this.ports.memory.touch(held);
  }

  /** Lets go of memory and disk. What is still wanted goes on, and serves those who want it. */
  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const held of [...this.#held.values()]) this.#drop(held);
    this.cached[Symbol.dispose]();
  }

  #arrived(fetch: BlockFetch, outcome: ReadOutcome): void {
    const { memory } = this.ports;
    const { bytes, lengthBytes, run } = fetch;
    const held = { fetch, lengthBytes, drop: () => this.#drop(held) };
    memory.hold(held);
    this.#held.set(fetch, held);
    if (!this.#isOpen) this.#drop(held);
    else if (outcome.proved) this.cached.keep(run.first * BLOCK_BYTES, bytes, outcome);
  }

  #drop(held: Held): void {
    this.ports.memory.let(held);
    this.#held.delete(held.fetch);
    this.#forget(held.fetch);
    held.fetch.letGo();
  }

  #forget(fetch: BlockFetch): void {
    const { first, end } = fetch.run;
    for (let block = first; block < end; block++) {
      if (this.#fetches.get(block) === fetch) this.#fetches.delete(block);
    }
  }
}
