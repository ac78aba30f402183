/**
 * Cached files that the kernel may read by itself: the data file of a content is a file with its very
 * bytes, once all of them are there. The kernel looks at no checksum, so all of them are proved
 * before; a proof holds for as long as nobody has written to the data file since.
 */

import type { CacheableFile } from "./block_cache.ts";

/** Every block of a data file was what its checksum proves, and the file was in this state. */
export interface Proof {
  readonly file: string;
  /** As `FileStamp.text`. */
  readonly stamp: string;
}

/** A proved content in use: it is not evicted, and counts as read, until it is disposed. */
export interface BackingContent extends Disposable {
  /** Of the data file; closed when the content is disposed. */
  readonly fd: number;
}

export interface ProveOptions {
  /** Called after each piece of MAX_READ_BYTES at most; false: give it up. */
  readonly pause: () => Promise<boolean>;
  /** Wall clock: what was changed later may change again unnoticed, and is not proved. */
  readonly settledMs: number;
}

export interface BackingContents {
  /**
   * Reads all of the file's version from the cache and proves it; undefined where that cannot be
   * done. A block that is bad is dropped and told of, as by any read. Rejects where the catalog
   * cannot be read.
   */
  prove(file: CacheableFile, options: ProveOptions): Promise<Proof | undefined>;

  /** The version's content, if it is still all there and as it was proved. Rejects as `prove`. */
  openProved(file: CacheableFile, proof: Proof): Promise<BackingContent | undefined>;
}
