/** One version while it is open: what of it is on disk, as the main thread knows, and reading it. */

import type { BytePath } from "../bytes.ts";
import { BLOCK_BYTES, BLOCKS_PER_GROUP, MAX_READ_BYTES } from "../limits.ts";
import { Memory } from "../sys/memory.ts";
import type { Proof } from "./backing_contents.ts";
import type { BlockFiles } from "./block_files.ts";
import { blockAt, blockCount, blockLength } from "./blocks.ts";
import { ABSENT, BlockSums, checksumOf } from "./checksum.ts";
import type { ContentName } from "./content_name.ts";

/** The largest read and the rest of the blocks at its ends. */
const BUFFER_BYTES = MAX_READ_BYTES + BLOCK_BYTES;

/** Buffers kept for reuse; more are made when more reads are under way. */
const KEPT_BUFFERS = 8;

/** Memory for blocks on their way from the disk to their reader. */
export class BlockBuffers {
  readonly #free: Memory[] = [];

  take(): Memory {
    return this.#free.pop() ?? new Memory(BUFFER_BYTES);
  }

  give(memory: Memory): void {
    if (this.#free.length < KEPT_BUFFERS) this.#free.push(memory);
  }
}

export interface OpenVersionPorts {
  readonly files: BlockFiles;
  readonly buffers: BlockBuffers;
  /** The data file of a content. */
  readonly fileOf: (content: number) => string;
  /** A block turned out not to be what its checksum proves, and why. */
  readonly onBadBlock: (version: OpenVersion, block: number, reason: string) => void;
  /** The data file cannot be opened at all. */
  readonly onLost: (version: OpenVersion, reason: string) => void;
}

export class OpenVersion {
  /** Views of it that are open. */
  views = 0;
  wasRead = false;
  /** The store knows of it. */
  isBound = false;
  /** 0: nothing of it is on disk. */
  #content = 0;
  #sums = new BlockSums();
  /** Calls of `keep` that the store has not answered, and who waits for that. */
  #keeps = 0;
  #waiting: (() => void)[] = [];

  constructor(
    readonly ports: OpenVersionPorts,
    readonly slot: number,
    readonly version: number,
    readonly names: readonly ContentName[],
    readonly path: BytePath,
    readonly sizeBytes: number,
  ) {}

  get content(): number {
    return this.#content;
  }

  has(block: number): boolean {
    return this.#sums.has(block);
  }

  get isComplete(): boolean {
    return this.#sums.count === blockCount(this.sizeBytes);
  }

  /** What is on disk is this, and no longer what was before. */
  setContent(content: number, sums: BlockSums): void {
    if (this.#content !== content) this.close();
    this.#content = content;
    this.#sums = sums;
  }

  setSum(content: number, block: number, sum: bigint): void {
    if (this.#content !== content) this.setContent(content, new BlockSums());
    this.#sums.set(block, sum);
  }

  /** The store was asked to keep something. */
  keepBegan(): void {
    this.#keeps++;
  }

  keepEnded(): void {
    this.#keeps--;
    if (this.#keeps === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** As `CachedFile.settled`. */
  settled(): Promise<void> {
    if (this.#keeps === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The store will answer nothing more. */
  abandon(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** As `CachedFile.read`. */
  async read(offsetBytes: number, into: Uint8Array): Promise<number> {
    const wanted = Math.min(into.byteLength, this.sizeBytes - offsetBytes);
    let done = 0;
    while (done < wanted) {
      const piece = into.subarray(done, Math.min(wanted, done + MAX_READ_BYTES));
      const read = await this.#readPiece(offsetBytes + done, piece);
      done += read;
      if (read < piece.byteLength) break;
    }
    if (done > 0) this.wasRead = true;
    return done;
  }

  /**
   * Reads the whole data file and proves each block of it. `pause` is called after each piece and
   * says whether to go on. Undefined where not all of it is there, or is written to meanwhile, or
   * was so shortly before `settledMs` (wall clock) that the next change might not show in the stamp.
   */
  async prove(pause: () => Promise<boolean>, settledMs: number): Promise<Proof | undefined> {
    const { files, buffers, fileOf } = this.ports;
    const { reads } = files;
    const content = this.#content;
    const file = fileOf(content);
    const memory = buffers.take();
    let fd = -1;
    try {
      fd = await reads.open(file);
      const { sizeBytes, changedMs, text } = reads.stamp(fd);
      if (sizeBytes !== this.sizeBytes || changedMs > settledMs) return undefined;
      const blocks = blockCount(sizeBytes);
      for (let first = 0; first < blocks; first += BLOCKS_PER_GROUP) {
        const end = Math.min(blocks, first + BLOCKS_PER_GROUP);
        const sums = Array.from({ length: end - first }, (_, i) => this.#sums.get(first + i));
        const lengthBytes = Math.min(end * BLOCK_BYTES, sizeBytes) - first * BLOCK_BYTES;
        if (sums.includes(ABSENT) || this.#content !== content) return undefined;
        if ((await this.#readBlocks(fd, first, sums, memory)) < lengthBytes) return undefined;
        if (!(await pause())) return undefined;
      }
      return reads.stamp(fd).text === text ? { file, stamp: text } : undefined;
    } catch (error) {
      this.ports.onLost(this, String(error));
      return undefined;
    } finally {
      buffers.give(memory);
      if (fd >= 0) reads.close(fd);
    }
  }

  /** A descriptor of the data file, which is the caller's, if it is as it was proved; else undefined. */
  async openProved({ file, stamp }: Proof): Promise<number | undefined> {
    const { reads } = this.ports.files;
    if (!this.isComplete || this.ports.fileOf(this.#content) !== file) return undefined;
    let fd = -1;
    try {
      fd = await reads.open(file);
      if (reads.stamp(fd).text === stamp) return fd;
    } catch (error) {
      this.ports.onLost(this, String(error));
    }
    if (fd >= 0) reads.close(fd);
    return undefined;
  }

  /** Lets go of the data file. */
  close(): void {
    if (this.#content !== 0) this.ports.files.retire(this.ports.fileOf(this.#content));
  }

  /** At most MAX_READ_BYTES. */
  async #readPiece(offsetBytes: number, into: Uint8Array): Promise<number> {
    const first = blockAt(offsetBytes);
    const last = blockAt(offsetBytes + into.byteLength - 1);
    const sums: bigint[] = [];
    for (let block = first; block <= last && this.#sums.has(block); block++) {
      sums.push(this.#sums.get(block));
    }
    if (sums.length === 0) return 0;
    const { files, buffers, fileOf } = this.ports;
    const memory = buffers.take();
    try {
      const good = await files.use(fileOf(this.#content), (fd) =>
        this.#readBlocks(fd, first, sums, memory),
      );
      const begin = offsetBytes - first * BLOCK_BYTES;
      const bytes = memory.bytes.subarray(begin, Math.max(begin, good));
      into.set(bytes.subarray(0, into.byteLength));
      return Math.min(bytes.byteLength, into.byteLength);
    } catch (error) {
      this.ports.onLost(this, String(error));
      return 0;
    } finally {
      buffers.give(memory);
    }
  }

  /** Bytes of the blocks from `first` on that their checksums prove; the rest is reported. */
  async #readBlocks(
    fd: number,
    first: number,
    sums: readonly bigint[],
    memory: Memory,
  ): Promise<number> {
    const { reads } = this.ports.files;
    const offset = first * BLOCK_BYTES;
    const length = Math.min(sums.length * BLOCK_BYTES, this.sizeBytes - offset);
    let found = reads.readNow(fd, offset, memory, length);
    let failure = "it is shorter than it was";
    if (found < length) {
      try {
        found = await reads.read(fd, offset, memory, length);
      } catch (error) {
        // Which of the blocks cannot be read is not told; the first is, and ends the run.
        found = 0;
        failure = String(error);
      }
    }
    let good = 0;
    for (const [i, sum] of sums.entries()) {
      const end = good + blockLength(first + i, this.sizeBytes);
      if (end > found || checksumOf(memory.bytes.subarray(good, end)) !== sum) {
        const reason = end > found ? failure : "its checksum is wrong";
        this.ports.onBadBlock(this, first + i, reason);
        break;
      }
      good = end;
    }
    return good;
  }
}
