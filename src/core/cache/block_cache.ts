/**
 * What the reader sees of the block cache: bytes of versions, kept on disk in blocks of BLOCK_BYTES,
 * each proved by its checksum whenever it is read.
 *
 * Nothing here fails: a cache that cannot read is a cache that has nothing, and one that cannot
 * write keeps nothing. `state` says so, and an event tells of every change of it and of every block
 * that was found to be bad.
 */

import type { BytePath } from "../bytes.ts";
import type { Replica } from "../catalog/catalog.ts";
import type { OriginId } from "../origins/origin.ts";

/** One version of one file. A `FederatedFile` is one. */
export interface CacheableFile {
  /** Path in the tree, for events, pins and people. */
  readonly path: BytePath;
  /** The catalog's id. The cache knows the bytes by the names of the version's proved replicas. */
  readonly version: number;
  readonly sizeBytes: number;
  replicas(): readonly Replica[];
}

/** Where bytes came from: the part of a read's outcome that decides whether they may be kept. */
export interface BlockSource {
  readonly origin: OriginId;
  /** False: of a replica that is only probably the same; never kept. */
  readonly proved: boolean;
}

/** `degraded`: bytes are served where the disk still gives them, and none are kept for now. */
export type CacheState =
  | { readonly status: "ok" }
  | { readonly status: "degraded"; readonly reason: string };

export interface BlockCache {
  readonly state: CacheState;

  /**
   * The cached bytes of a version; never fails. What is open is not evicted, so it is disposed when
   * its last reader closes. Opening a version again gives another view of the same blocks.
   */
  open(file: CacheableFile): CachedFile;

  /**
   * Resolves when there is room for more of `keep`, at once when there is now. For background work,
   * which should wait rather than have its blocks dropped.
   */
  room(): Promise<void>;
}

/** The blocks of one open version. Block `b` holds bytes from `b * BLOCK_BYTES` on; the last may be short. */
export interface CachedFile extends Disposable {
  /** Whether the block is on disk, as far as memory knows; synchronous, nanoseconds. */
  has(block: number): boolean;

  /** Every block is there. An empty file is complete. */
  readonly isComplete: boolean;

  /**
   * Copies the longest run of cached and verified bytes from `offsetBytes` on into the beginning of
   * `into`, and answers its length: 0 when the first byte is not there. The rest of `into` may be
   * written over, too, until the promise resolves. A block that is unreadable or not what its
   * checksum proves ends the run, and `has` is false for it from then on. Never rejects.
   */
  read(offsetBytes: number, into: Uint8Array): Promise<number>;

  /**
   * Has whole blocks written in the background: `offsetBytes` is a multiple of BLOCK_BYTES, and
   * `bytes` ends at such a multiple or at the end of the file; anything else throws RangeError. The
   * bytes are copied before it returns. `has` turns true once they are on disk, which may be never.
   *
   * False: not taken. The queue of CACHE_QUEUE_BYTES is full, the cache is degraded or off, the
   * bytes are not proved, or their origin has `cache = false`.
   */
  keep(offsetBytes: number, bytes: Uint8Array, source: BlockSource): boolean;

  /** Resolves once all that `keep` took of this version is on disk, or will never be. */
  settled(): Promise<void>;
}
