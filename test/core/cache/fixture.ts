/** A block cache with its store in one thread, on a directory that is gone after the test. */

import fs from "node:fs";
import { type BytePath, pathFromText } from "../../../src/core/bytes.ts";
import type { CacheableFile, CachedFile } from "../../../src/core/cache/block_cache.ts";
import { type BlockReads, DiskBlockReads } from "../../../src/core/cache/block_reads.ts";
import { BlockStore } from "../../../src/core/cache/block_store.ts";
import { blockCount } from "../../../src/core/cache/blocks.ts";
import type { CacheDisk } from "../../../src/core/cache/data_files.ts";
import type {
  StoreAnswer,
  StoreCalls,
  StoreRequest,
} from "../../../src/core/cache/store_protocol.ts";
import { StoredBlockCache } from "../../../src/core/cache/stored_block_cache.ts";
import type { ReplicaMatch } from "../../../src/core/catalog/catalog.ts";
import type { BeforeStatement } from "../../../src/core/catalog/connection.ts";
import { EventBus, type MusicFsEvent } from "../../../src/core/events.ts";
import { BLOCK_BYTES } from "../../../src/core/limits.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";
import { TempDirectory } from "../catalog/fixture.ts";

export const NAS = "nas" as OriginId;
export const CLOUD = "cloud" as OriginId;
export const GIB = 1024 ** 3;

/** Reads as the machine does, but at once: virtual time does not wait for its disk. */
class ReadsAtOnce extends DiskBlockReads {
  override async open(file: string): Promise<number> {
    return fs.openSync(file, "r");
  }

  override readNow(fd: number, offsetBytes: number, into: { bytes: Uint8Array }, length: number) {
    return fs.readSync(fd, into.bytes, 0, length, offsetBytes);
  }

  override async read(fd: number, offset: number, into: { bytes: Uint8Array }, length: number) {
    return fs.readSync(fd, into.bytes, 0, length, offset);
  }
}

export interface CacheOptions {
  readonly budgetBytes?: number;
  readonly disk?: CacheDisk;
  readonly before?: BeforeStatement;
  readonly reads?: BlockReads;
  readonly isCached?: (origin: OriginId) => boolean;
}

/** One mount's cache; another may follow on the same directory. */
export class TestCache implements Disposable {
  readonly clock = new VirtualClock();
  readonly events: MusicFsEvent[] = [];
  readonly notices: string[] = [];
  /** Files that became whole, in that order. */
  readonly whole: BytePath[] = [];
  /** Kinds of the requests to the store. */
  readonly requests: StoreRequest["kind"][] = [];
  readonly cache: StoredBlockCache;
  readonly store: BlockStore;
  readonly calls: StoreCalls;
  readonly progress: (readonly [doneBytes: number, totalBytes: number])[] = [];

  constructor(
    readonly directory: string,
    readonly options: CacheOptions = {},
  ) {
    const bus = new EventBus();
    bus.subscribe((event) => this.events.push(event));
    this.store = new BlockStore({
      cacheDir: directory,
      budgetBytes: options.budgetBytes ?? GIB,
      clock: this.clock,
      answer: (answer) => this.#answer(answer),
      ...(options.disk === undefined ? {} : { disk: options.disk }),
      ...(options.before === undefined ? {} : { before: options.before }),
    });
    this.cache = new StoredBlockCache({
      cacheDir: directory,
      events: bus,
      reads: options.reads ?? new ReadsAtOnce(),
      post: (request: StoreRequest) => {
        this.requests.push(request.kind);
        queueMicrotask(() => this.store.take(request));
      },
      isCached: options.isCached ?? (() => true),
      onWhole: (path) => this.whole.push(path),
      onNotice: (message) => this.notices.push(message),
    });
    this.calls = this.store.calls((done, total) => this.progress.push([done, total]));
    this.store.start();
  }

  /** Keeps the blocks, all by default, and waits until they are on disk or refused. */
  async keep(file: TestFile, blocks?: readonly number[]): Promise<void> {
    using cached = this.cache.open(file);
    await this.keepIn(cached, file, blocks);
  }

  async keepIn(cached: CachedFile, file: TestFile, blocks?: readonly number[]): Promise<void> {
    await settle();
    for (const block of blocks ?? range(blockCount(file.sizeBytes))) {
      const bytes = file.bytes.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
      cached.keep(block * BLOCK_BYTES, bytes, { origin: NAS, proved: true });
      if (block % 64 === 63) await this.clock.advance(10);
    }
    await this.clock.advance(10);
  }

  /** What a reader is given of the whole file: `undefined` unless every byte is there. */
  async read(file: TestFile): Promise<Uint8Array | undefined> {
    using cached = this.cache.open(file);
    const into = new Uint8Array(file.sizeBytes);
    const read = await cached.read(0, into);
    return read === file.sizeBytes ? into : undefined;
  }

  /** Ends as a mount does. */
  [Symbol.dispose](): void {
    this.cache[Symbol.dispose]();
    this.store[Symbol.dispose]();
  }

  #answer(answer: StoreAnswer): void {
    if (answer.kind === "result" || answer.kind === "failed" || answer.kind === "progress") return;
    queueMicrotask(() => this.cache.take(answer));
  }
}

export interface TestFile extends CacheableFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface TestFileOptions {
  readonly version?: number;
  readonly sizeBytes?: number;
  readonly token?: string;
  readonly origins?: readonly OriginId[];
  readonly match?: ReplicaMatch;
}

/** A version of a file with bytes of its own, made from its path and token. */
export function testFile(path: string, options: TestFileOptions = {}): TestFile {
  const { sizeBytes = 3 * BLOCK_BYTES + 17, token = "1", origins = [NAS] } = options;
  const version = options.version ?? (Number(Bun.hash.crc32(`${path}\0${token}`)) || 1);
  const treePath = pathFromText(path);
  const match = options.match ?? "proved";
  return {
    path: treePath,
    version,
    sizeBytes,
    bytes: bytesOf(`${path}\0${token}`, sizeBytes),
    replicas: () =>
      origins.map((origin) => ({
        origin,
        path: treePath,
        entry: 7,
        version,
        originVersion: { sizeBytes, token },
        match,
      })),
  };
}

/** Bytes that no two seeds, and no two blocks of one, have in common. */
function bytesOf(seed: string, sizeBytes: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  let state = Bun.hash.crc32(seed) | 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer).slice(0, sizeBytes);
}

export function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

export { settle, TempDirectory };
