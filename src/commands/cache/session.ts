/**
 * The cache that a command is about: that of the running mount of its configuration, or, where none
 * runs, the same opened here.
 */

import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { pathFromText } from "../../core/bytes.ts";
import { treeFile, treeHas } from "../../core/cache/tree_files.ts";
import type { Config } from "../../core/config/config.ts";
import { loadConfig } from "../../core/config/load.ts";
import { ownDirectory } from "../../core/config/own_file.ts";
import { cacheStatsJson, clearJson, fetchJson, verifyJson } from "../../core/control/cache_json.ts";
import type { CacheClient } from "../../core/control/client.ts";
import { syncDeltaJson } from "../../core/control/delta_json.ts";
import { mountOfCache } from "../../core/control/find_mount.ts";
import type { CachedLibrary } from "../../core/mount/cached_library.ts";
import { openUnmountedCache, type UnmountedCache } from "../../core/mount/unmounted_cache.ts";
import type { OriginId } from "../../core/origins/origin.ts";
import type { CommandContext } from "../context.ts";
import { remark } from "../output.ts";

export interface CacheSession extends AsyncDisposable {
  readonly cache: CacheClient;
  readonly mountPoint: string;
  /** Of the configuration. */
  readonly originIds: readonly string[];
  /** Whether the library has something at this path. */
  readonly has: (path: string) => Promise<boolean>;
  /** The bytes of a file in the library; undefined when there is none, or it cannot be read. */
  readonly read: (path: string) => Promise<Uint8Array | undefined>;
}

/** Rejects as `openUnmountedCache`. */
export async function openCacheSession({ around, flags }: CommandContext): Promise<CacheSession> {
  const { config } = await loadConfig(flags, around);
  const mount = await mountOfCache(config.cacheDir, around);
  if (mount === undefined) {
    ownDirectory(config.cacheDir, "cache directory", around.uid);
    return unmountedSession(config, await openUnmountedCache(config, warn));
  }
  const { client, status } = mount;
  return {
    cache: client.cache,
    mountPoint: status.mount_point,
    originIds: config.origins.map(({ id }) => id),
    has: (path) =>
      stat(join(status.mount_point, path)).then(
        () => true,
        () => false,
      ),
    read: (path) => readFile(join(status.mount_point, path)).catch(nothing),
    [Symbol.asyncDispose]: async () => mount[Symbol.dispose](),
  };
}

function unmountedSession(config: Config, opened: UnmountedCache): CacheSession {
  return {
    cache: clientOf(opened.cache),
    mountPoint: config.mountPoint,
    originIds: config.origins.map(({ id }) => id),
    has: async (path) => treeHas(opened.catalog, pathFromText(path)),
    read: async (path) => {
      const file = treeFile(opened.catalog, pathFromText(path));
      if (file === undefined) return undefined;
      const bytes = new Uint8Array(file.sizeBytes);
      const read = { ...file, seams: () => [] };
      const { signal } = new AbortController();
      return await opened.fetch(read, 0, bytes, { signal }).then(() => bytes, nothing);
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

/** The cache with the answers of the control API. */
function clientOf(cache: CachedLibrary): CacheClient {
  const paths = (texts: readonly string[]) => texts.map(pathFromText);
  return {
    stats: async () => cacheStatsJson(cache.state, await cache.stats()),
    clear: async (wish) => clearJson(await cache.clear({ ...wish, paths: paths(wish.paths) })),
    unpin: async (texts) => {
      await cache.unpin(paths(texts));
      return { unpinned: [...texts] };
    },
    verify: async (wish, onBytes) =>
      verifyJson(await cache.verify({ ...wish, paths: paths(wish.paths) }, onBytes), wish.repair),
    pin: async (texts, onBytes) => fetchJson(await cache.pin(paths(texts), onBytes)),
    syncDelta: async (wish, onBytes) => {
      const origins = wish.origins as readonly OriginId[];
      const whole = { ...wish, paths: paths(wish.paths), origins };
      return syncDeltaJson(await cache.syncDelta(whole, onBytes));
    },
    prefetch: async (texts, onBytes) => fetchJson(await cache.prefetch(paths(texts), onBytes)),
  };
}

function nothing(): undefined {
  return undefined;
}

function warn(message: string): void {
  remark(`musicfs: ${message}`);
}
