/** One open file as the reader sees it: where it reads, and what is read ahead for it. */

import type { FederatedFile } from "../federation/file.ts";
import { BLOCK_BYTES, LOOK_BYTES, PAGED_LOOK_BYTES } from "../limits.ts";
import type { BlockFetch } from "./block_fetch.ts";
import { blockAt, blockCount } from "./blocks.ts";
import { FetchSize } from "./fetch_size.ts";
import type { MemoryShare } from "./memory_share.ts";
import { ReadaheadWindow } from "./readahead_window.ts";
import type { VersionBlocks } from "./version_blocks.ts";

/** Who has read so much of a file listens to it. */
const LISTENED_SHARE = 1 / 3;

export class ReaderHandle implements Disposable {
  readonly #window: ReadaheadWindow;
  readonly #fetchSize = new FetchSize();
  /** What is on its way and not needed yet. */
  readonly #ahead = new Map<BlockFetch, Disposable>();
  #readBytes = 0;
  /** Blocks before this one were asked for, or are on disk. */
  #aheadEnd = 0;

  constructor(
    readonly file: FederatedFile,
    readonly blocks: VersionBlocks,
    private readonly share: MemoryShare,
  ) {
    this.#window = new ReadaheadWindow(() => (file.isDirect ? LOOK_BYTES : PAGED_LOOK_BYTES));
  }

  /** Notes a read; after a seek, what was read ahead for the place before is wanted no more. */
  note(offsetBytes: number, lengthBytes: number): void {
    if (this.#window.note(offsetBytes, lengthBytes)) return;
    this.#stop();
    this.#aheadEnd = 0;
  }

  /** Counts bytes that were read; true the one time that they come to LISTENED_SHARE of the file. */
  hasListened(bytes: number): boolean {
    const beforeBytes = this.#readBytes;
    this.#readBytes += bytes;
    const listenedBytes = this.blocks.sizeBytes * LISTENED_SHARE;
    return beforeBytes < listenedBytes && this.#readBytes >= listenedBytes;
  }

  /** Has fetched what is likely to be read next, side by side. */
  readAhead(): void {
    if (this.#window.aheadBytes === 0) return;
    const { aheadBytes } = this.#window;
    const windowBytes = Math.min(aheadBytes, this.share.of(this), this.#fetchSize.windowBytes);
    const { endBytes } = this.#window;
    const { sizeBytes } = this.blocks;
    const reached = blockAt(endBytes + BLOCK_BYTES - 1);
    this.#aheadEnd = Math.max(this.#aheadEnd, reached);
    // In steps: a reader that goes on in small ones must not make a request of every block.
    const fetchBytes = this.#fetchSize.within(windowBytes);
    const steps = Math.min(fetchBytes, windowBytes / 2) / BLOCK_BYTES;
    const room = reached + Math.floor(windowBytes / BLOCK_BYTES) - this.#aheadEnd;
    const wanted = this.#aheadEnd + Math.floor(room / steps) * steps;
    const isLast = endBytes + windowBytes >= sizeBytes;
    const end = isLast ? blockCount(sizeBytes) : wanted;
    if (end > this.#aheadEnd) this.#fetch(this.#aheadEnd, end, fetchBytes / BLOCK_BYTES);
  }

  /** The file is closed: nothing is fetched for it any more. */
  [Symbol.dispose](): void {
    this.#stop();
  }

  #fetch(first: number, end: number, maxBlocks: number): void {
    const { clock } = this.share;
    for (const run of this.blocks.missing({ first, end }, maxBlocks)) {
      const startedMs = clock.monotonicMs();
      const fetch = this.blocks.start(this.file, run, { background: true });
      if (fetch === undefined) {
        this.#aheadEnd = run.first;
        return;
      }
      this.#ahead.set(fetch, fetch.want());
      void fetch.settled.then(() => {
        if (fetch.outcome !== undefined) {
          this.#fetchSize.note(fetch.lengthBytes, clock.monotonicMs() - startedMs);
        }
        this.#forget(fetch);
      });
    }
    this.#aheadEnd = end;
  }

  #forget(fetch: BlockFetch): void {
    this.#ahead.get(fetch)?.[Symbol.dispose]();
    this.#ahead.delete(fetch);
  }

  #stop(): void {
    this.share.leave(this);
    for (const fetch of [...this.#ahead.keys()]) this.#forget(fetch);
  }
}
