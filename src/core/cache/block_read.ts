/**
 * One READ, put together from blocks in memory, on disk and on their way. What is missing is asked
 * for at once, all of it side by side; then the bytes are taken in order.
 */

import { displayPath } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { OwnError } from "../errors.ts";
import type { FederatedFile, ServedRead } from "../federation/file.ts";
import { BLOCK_BYTES } from "../limits.ts";
import type { BlockFetch } from "./block_fetch.ts";
import { blockAt } from "./blocks.ts";
import type { VersionBlocks } from "./version_blocks.ts";

export interface BlockReadRequest {
  readonly file: FederatedFile;
  readonly offsetBytes: number;
  /** As long as the file has bytes there, and at least 1. */
  readonly into: Uint8Array;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

export class BlockRead implements Disposable {
  readonly #startedMs: number;
  readonly #endBlock: number;
  /** What this read waits for, or takes bytes from. */
  readonly #wanted = new Map<BlockFetch, Disposable>();
  /** Fetches begun for this read, with its own deadline: when they fail, it does. */
  readonly #own = new Set<BlockFetch>();
  /** Fetches that others began failed it once; the next failure is its own. */
  #hasRetried = false;
  #done = 0;
  #cacheBytes = 0;
  #memoryBytes = 0;
  #proved = true;
  /** The latest fetch that gave bytes. */
  #last: BlockFetch | undefined;
  readonly #waitedFor = new Set<BlockFetch>();

  constructor(
    private readonly clock: Clock,
    private readonly blocks: VersionBlocks,
    private readonly request: BlockReadRequest,
  ) {
    const { offsetBytes, into } = request;
    this.#startedMs = clock.monotonicMs();
    this.#endBlock = blockAt(offsetBytes + into.byteLength - 1) + 1;
    this.#want();
  }

  /**
   * Fills `into`, which is not written to after the promise is settled. Rejects as `ReadFile`.
   */
  async run(): Promise<ServedRead> {
    const { offsetBytes, into } = this.request;
    while (this.#done < into.byteLength) {
      const block = blockAt(offsetBytes + this.#done);
      const fetch = this.blocks.fetchOf(block) ?? this.#taken(block);
      if (fetch?.outcome !== undefined) this.#take(fetch, block);
      else if (fetch !== undefined) await this.#waitFor(fetch);
      else await this.#readCached(block);
    }
    return this.#served();
  }

  /** What it waits for is not wanted any more; at least not by this read. */
  [Symbol.dispose](): void {
    for (const want of this.#wanted.values()) want[Symbol.dispose]();
    this.#wanted.clear();
  }

  /** Asks for what nobody asked for, and makes sure that the rest comes. */
  #want(): void {
    const { file, offsetBytes, deadlineMs } = this.request;
    const next = blockAt(offsetBytes + this.#done);
    const remainingMs = deadlineMs - (this.clock.monotonicMs() - this.#startedMs);
    const options = { background: false, deadlineMs: remainingMs };
    for (const run of this.blocks.missing({ first: next, end: this.#endBlock })) {
      const fetch = this.blocks.start(file, run, options);
      if (fetch !== undefined) this.#own.add(fetch);
    }
    for (let block = next; block < this.#endBlock; block++) {
      const fetch = this.blocks.fetchOf(block);
      if (fetch !== undefined) this.#hold(fetch);
    }
  }

  #hold(fetch: BlockFetch): void {
    if (!this.#wanted.has(fetch)) this.#wanted.set(fetch, fetch.want());
  }

  /** A fetch whose bytes are there for us although its block gave way in memory meanwhile. */
  #taken(block: number): BlockFetch | undefined {
    for (const fetch of this.#wanted.keys()) {
      const { first, end } = fetch.run;
      if (first <= block && block < end && fetch.outcome !== undefined) return fetch;
    }
    return undefined;
  }

  #take(fetch: BlockFetch, block: number): void {
    const { offsetBytes, into } = this.request;
    const from = offsetBytes + this.#done - fetch.run.first * BLOCK_BYTES;
    const piece = fetch.bytes.subarray(from, from + into.byteLength - this.#done);
    into.set(piece, this.#done);
    this.#done += piece.byteLength;
    if (!this.#waitedFor.has(fetch)) this.#memoryBytes += piece.byteLength;
    if (fetch.outcome?.proved === false) this.#proved = false;
    this.#last = fetch;
    if (this.blocks.fetchOf(block) === fetch) this.blocks.touch(fetch);
  }

  async #waitFor(fetch: BlockFetch): Promise<void> {
    this.#waitedFor.add(fetch);
    this.#hold(fetch);
    await this.#within(fetch.settled);
    if (fetch.outcome !== undefined) return;
    if (this.#own.has(fetch) || this.#hasRetried) throw fetch.error;
    // It may have begun long ago, or for nobody: this read has its own tries.
    this.#hasRetried = true;
    this.#want();
  }

  async #readCached(block: number): Promise<void> {
    const { offsetBytes, into } = this.request;
    const end = this.blocks.cachedEnd(block, this.#endBlock);
    if (end > block) {
      const limit = Math.min(into.byteLength, end * BLOCK_BYTES - offsetBytes);
      const read = await this.blocks.cached.read(
        offsetBytes + this.#done,
        into.subarray(this.#done, limit),
      );
      this.#done += read;
      this.#cacheBytes += read;
      if (read > 0) return;
    }
    // It was evicted or found to be bad after this read began.
    this.#want();
  }

  /** Waits for a promise, until the time is up or the read is cancelled. */
  async #within(promise: Promise<void>): Promise<void> {
    const { file, signal, deadlineMs } = this.request;
    const path = displayPath(file.path);
    const { promise: end, reject } = Promise.withResolvers<never>();
    const cancel = () => {
      reject(new OwnError("cancelled", `${path}: read cancelled`, { cause: signal.reason }));
    };
    const remainingMs = deadlineMs - (this.clock.monotonicMs() - this.#startedMs);
    using _timer = this.clock.schedule(Math.max(0, remainingMs), () => {
      reject(new OwnError("deadline_exceeded", `${path}: not read within ${deadlineMs} ms`));
    });
    if (signal.aborted) cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      await Promise.race([promise, end]);
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  #served(): ServedRead {
    const bytesRead = this.#done;
    let failures = 0;
    let hedged = false;
    for (const { outcome } of this.#waitedFor) {
      failures += outcome?.failures ?? 0;
      hedged ||= outcome?.hedged ?? false;
    }
    const last = this.#last?.outcome;
    return {
      bytesRead,
      proved: this.#proved,
      cacheBytes: this.#cacheBytes,
      memoryBytes: this.#memoryBytes,
      originBytes: bytesRead - this.#cacheBytes - this.#memoryBytes,
      failures,
      hedged,
      ...(last === undefined ? {} : { origin: last.origin }),
      ...(last?.failedOver === undefined ? {} : { failedOver: last.failedOver }),
    };
  }
}
