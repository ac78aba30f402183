/** The cache of a configuration while nothing is mounted with it, for commands. */

import { join } from "node:path";
import { isCacheInUse } from "../cache/block_store.ts";
import { SqliteCatalogReader } from "../catalog/reader.ts";
import { systemClock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import { messageOf, OwnError } from "../errors.ts";
import { EventBus } from "../events.ts";
import { Federation } from "../federation/federation.ts";
import type { FetchFile } from "../federation/file.ts";
import { openStandalone } from "../origins/standalone.ts";
import { CachedDescriber } from "../sync/describe_cached.ts";
import { openLibraryCatalog } from "../sync/library_catalog.ts";
import { CacheThread } from "../threads/cache.ts";
import { CachedLibrary } from "./cached_library.ts";
import { DeltaSync } from "./delta_sync.ts";

export interface UnmountedCache extends AsyncDisposable {
  readonly cache: CachedLibrary;
  readonly catalog: SqliteCatalogReader;
  readonly fetch: FetchFile;
}

/**
 * Opens catalog, cache and origins; these are connected to when they are first needed. Rejects with
 * `busy` while another process has the cache, with `usage` for a configuration that keeps nothing,
 * with `cache` or `catalog` where these cannot be used.
 */
export async function openUnmountedCache(
  config: Config,
  onNotice: (message: string) => void,
): Promise<UnmountedCache> {
  const { cacheDir } = config;
  const budgetBytes = config.cache.contentCacheBytes;
  if (budgetBytes === 0) {
    throw new OwnError("usage", "nothing is kept on disk: content_cache_gb is 0");
  }
  if (isCacheInUse(cacheDir)) {
    throw new OwnError("busy", `another process uses the cached contents in ${cacheDir}`);
  }
  await using undo = new AsyncDisposableStack();
  const library = undo.use(await openLibraryCatalog(config, systemClock));
  if (library.store.notice !== undefined) onNotice(library.store.notice);
  const file = join(cacheDir, "catalog.db");
  const catalog = undo.adopt(new SqliteCatalogReader(file), (reader) => reader.close());
  const events = new EventBus();
  const settings = new Map(config.origins.map((each) => [each.id, each]));
  let describer: CachedDescriber | undefined;
  const thread = undo.use(
    await CacheThread.open({
      cacheDir,
      budgetBytes,
      events,
      isCached: (id) => settings.get(id)?.cache ?? false,
      onWhole: (path) => describer?.note(path),
      onNotice,
      onFault: onNotice,
    }),
  );
  const { blocks } = thread;
  if (blocks.state.status === "degraded") throw new OwnError("cache", blocks.state.reason);
  const federation = federationOf(config, events, library.store, undo, onNotice);
  const fetch: FetchFile = async (...read) => await (await federation()).read(...read);
  const delta = new DeltaSync({
    clock: systemClock,
    catalog,
    writer: library.store,
    onChanges: () => undefined,
    onWarning: onNotice,
    cache: blocks,
    fetch,
    origin: async (id) => (await federation()).registry.get(id),
    settings: (id) => settings.get(id),
  });
  describer = new CachedDescriber({
    ...{ clock: systemClock, catalog, cache: blocks, onWarning: onNotice },
    onDescribed: delta.onDescribed,
  });
  // The command that made files whole ends when it is known what they consist of.
  undo.use(describer);
  undo.defer(() => describer?.settled());
  const calls: CacheThread["calls"] = (onProgress) => thread.calls(onProgress);
  const cache = new CachedLibrary({ catalog, blocks, calls, fetch, budgetBytes, delta });
  const end = undo.move();
  return { cache, catalog, fetch, [Symbol.asyncDispose]: () => end.disposeAsync() };
}

/** The configured origins; they are opened when they are first needed. */
function federationOf(
  config: Config,
  events: EventBus,
  findings: Awaited<ReturnType<typeof openLibraryCatalog>>["store"],
  undo: AsyncDisposableStack,
  onNotice: (message: string) => void,
): () => Promise<Federation> {
  const connect = async (): Promise<Federation> => {
    const federation = new Federation({
      clock: systemClock,
      events,
      health: config.health,
      read: config.read,
      findings: {
        setFingerprint: async (...found) => void (await findings.setFingerprint(...found)),
        setSha256: async (...found) => void (await findings.setSha256(...found)),
        setDifferent: (...found) => findings.setDifferent(...found),
      },
      onError: (error) => onNotice(messageOf(error)),
    });
    for (const origin of config.origins.filter(({ enabled }) => enabled)) {
      federation.add(await openStandalone(origin), { priority: origin.priority, enabled: true });
    }
    return federation;
  };
  let connected: Promise<Federation> | undefined;
  undo.defer(async () => (await connected)?.close());
  return () => {
    connected ??= connect();
    return connected;
  };
}
