/** Older versions of files that are on disk as a whole: what a new version may be rebuilt from. */

import type { BytePath } from "../bytes.ts";
import type { CacheableFile } from "./block_cache.ts";

/** What the cache holds of a file: its version, an older one, or neither as a whole. */
export type Holding = "current" | "former" | "none";

export interface FormerContents {
  /** A look at the index; nothing is opened. */
  holding(file: CacheableFile): Holding;

  /**
   * The latest content of the file's path that is another than the file's own and there as a whole.
   * It is not evicted while it is open. Undefined: there is none.
   */
  openFormer(file: CacheableFile): FormerContent | undefined;
}

/** Files that are on disk as a whole, for whoever finds out what they consist of. */
export interface WholeContents {
  /** The file's own bytes. They are not evicted while open. Undefined: some are missing, or there are none. */
  openWhole(file: CacheableFile): WholeContent | undefined;
}

/** Reading it does not count as use: what goes next from a full cache stays the same. */
export interface WholeContent extends Disposable {
  readonly sizeBytes: number;

  /** As `CachedFile.read`. */
  read(offsetBytes: number, into: Uint8Array): Promise<number>;
}

/** Contents of files that lie elsewhere now, or nowhere. */
export interface LostContents {
  /** Ids of contents whose path is not in the tree, by their lengths. Reads the whole index. */
  lost(isInTree: (path: BytePath) => boolean): ReadonlyMap<number, readonly number[]>;

  /** Undefined: it is not there as a whole. It is not evicted while it is open. */
  openLost(id: number): LostContent | undefined;
}

export interface LostContent extends WholeContent {
  /**
   * The file has these very bytes: from now on they are found as its own. Resolves when they are, or
   * when the cache cannot be written.
   */
  adopt(file: CacheableFile): Promise<void>;
}

export interface FormerContent extends WholeContent {
  /** A newer version took its place: it is removed now, unless somebody reads it or an origin has it. */
  discard(): void;
}
