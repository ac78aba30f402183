/** Bugs of the block cache put in on purpose; see seeded_bugs.ts. */

import { closeSync, openSync, readSync } from "node:fs";
import type { BlockCache, CacheableFile, CachedFile } from "../../src/core/cache/block_cache.ts";
import { BLOCK_BYTES } from "../../src/core/limits.ts";
import { replaced } from "../support/replaced.ts";
import { dataFiles } from "./cache_disk.ts";
import type { SeededBug } from "./seeded_bug.ts";

/** A cache each of whose open versions is not what it was. */
function altered(
  cache: BlockCache,
  alter: (opened: CachedFile, file: CacheableFile) => CachedFile,
): BlockCache {
  return replaced(cache, { open: (file) => alter(cache.open(file), file) });
}

/** Reads its only data file without a look at what its checksums prove. */
function readUnproved(directory: string, opened: CachedFile): CachedFile {
  return replaced(opened, {
    async read(offsetBytes, into) {
      const [only, ...others] = dataFiles(directory);
      const isThere = opened.has(Math.floor(offsetBytes / BLOCK_BYTES));
      if (!isThere || only === undefined || others.length > 0) {
        return opened.read(offsetBytes, into);
      }
      const fd = openSync(only, "r");
      try {
        return readSync(fd, into, 0, into.byteLength, offsetBytes);
      } finally {
        closeSync(fd);
      }
    },
  });
}

export const SEEDED_CACHE_BUGS = {
  "bytes kept under the name of another version": {
    breaks: ["bytes of one version", "a cached file is of one version"],
    sabotage: {
      blocks: (cache) =>
        replaced(cache, {
          open: (file) =>
            cache.open({
              ...file,
              path: file.path,
              version: file.version,
              sizeBytes: file.sizeBytes,
              // As if names did not tell of the origin's version.
              replicas: () =>
                file.replicas().map((replica) => ({
                  ...replica,
                  originVersion: { ...replica.originVersion, token: "any" },
                })),
            }),
        }),
    },
  },
  "checksums that nobody looks at": {
    breaks: ["bytes of one version"],
    sabotage: {
      blocks: (cache, directory) => altered(cache, (opened) => readUnproved(directory, opened)),
    },
  },
  "a block read from another's place": {
    breaks: ["bytes of one version"],
    sabotage: {
      blocks: (cache) =>
        altered(cache, (opened) =>
          replaced(opened, {
            async read(offsetBytes, into) {
              const lengthBytes = await opened.read(offsetBytes, into);
              if (offsetBytes >= BLOCK_BYTES) await opened.read(0, into.subarray(0, lengthBytes));
              return lengthBytes;
            },
          }),
        ),
    },
  },
  "a cache that is not asked": {
    breaks: ["what is cached is read"],
    sabotage: {
      blocks: (cache) =>
        altered(cache, (opened) => replaced(opened, { read: async () => 0, has: () => false })),
    },
  },
  "a budget that is not kept": {
    breaks: ["the cache keeps its budget"],
    sabotage: { budgetFactor: 1000 },
  },
  "a version that stays open": {
    breaks: ["nothing leaks"],
    sabotage: {
      blocks: (cache) =>
        altered(cache, (opened) => replaced(opened, { [Symbol.dispose]: () => undefined })),
    },
  },
} as const satisfies Record<string, SeededBug>;
