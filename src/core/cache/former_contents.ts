/** Older versions of files that are on disk as a whole: what a new version may be rebuilt from. */

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

export interface FormerContent extends Disposable {
  readonly sizeBytes: number;

  /** As `CachedFile.read`. */
  read(offsetBytes: number, into: Uint8Array): Promise<number>;

  /** A newer version took its place: it is removed now, unless somebody reads it or an origin has it. */
  discard(): void;
}
