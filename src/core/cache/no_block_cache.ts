/** The cache of a mount that has none: `content_cache_gb = 0`. */

import type { BlockCache, CacheableFile, CachedFile } from "./block_cache.ts";

export class NoBlockCache implements BlockCache {
  readonly state = { status: "ok" } as const;

  open(file: CacheableFile): CachedFile {
    return {
      isComplete: file.sizeBytes === 0,
      has: () => false,
      read: async () => 0,
      keep: () => false,
      settled: () => Promise.resolve(),
      [Symbol.dispose]: () => undefined,
    };
  }

  room(): Promise<void> {
    return Promise.resolve();
  }
}
