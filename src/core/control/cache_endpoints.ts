/** The endpoints about the cache (docs/control-api.md). */

import type * as v from "valibot";
import type { Clock } from "../clock.ts";
import { noSuchOrigin } from "../config/find.ts";
import { OwnError } from "../errors.ts";
import type { OriginId } from "../origins/origin.ts";
import { NDJSON } from "./answers.ts";
import { cacheStatsJson, clearJson, fetchJson, verifyJson } from "./cache_json.ts";
import { clearRequest, pathsRequest, syncRequest, verifyRequest } from "./cache_requests.ts";
import type { ControlledCache, ControlledMount, OnBytes } from "./controlled_mount.ts";
import { syncDeltaJson } from "./delta_json.ts";
import { type Endpoint, withBody, withNothing } from "./endpoint.ts";
import { shownPath } from "./event_json.ts";
import { progressStream } from "./progress_stream.ts";

export function cacheEndpoints(mount: ControlledMount, clock: Clock): readonly Endpoint[] {
  return [
    {
      method: "GET",
      path: "/v1/cache",
      handle: withNothing(async () => {
        const cache = cacheOf(mount);
        return cacheStatsJson(cache.state, await cache.stats());
      }),
    },
    {
      method: "POST",
      path: "/v1/cache/clear",
      handle: withBody(clearRequest, async (options) =>
        clearJson(await cacheOf(mount).clear(options)),
      ),
    },
    {
      method: "POST",
      path: "/v1/cache/unpin",
      handle: withBody(pathsRequest, async ({ paths }) => {
        await cacheOf(mount).unpin(paths);
        return { unpinned: paths.map(shownPath) };
      }),
    },
    working("/v1/cache/verify", verifyRequest, async (cache, options, onProgress) =>
      verifyJson(await cache.verify(options, onProgress), options.repair),
    ),
    working("/v1/cache/sync", syncRequest, async (cache, wish, onProgress) => {
      const { paths, all, dry_run: dryRun } = wish;
      const origins = wish.origins.map((id) => knownOrigin(mount, id));
      return syncDeltaJson(await cache.syncDelta({ paths, origins, all, dryRun }, onProgress));
    }),
    working("/v1/cache/pin", pathsRequest, async (cache, { paths }, onProgress) =>
      fetchJson(await cache.pin(paths, onProgress)),
    ),
    working("/v1/cache/prefetch", pathsRequest, async (cache, { paths }, onProgress) =>
      fetchJson(await cache.prefetch(paths, onProgress)),
    ),
  ];

  /** What takes a while: answered at its end, or told of on the way. */
  function working<T>(
    path: string,
    schema: v.GenericSchema<unknown, T>,
    work: (cache: ControlledCache, wish: T, onProgress: OnBytes) => Promise<object>,
  ): Endpoint {
    const handle = withBody(schema, (wish, { headers }) => {
      const cache = cacheOf(mount);
      if (headers.get("accept") !== NDJSON) return work(cache, wish, () => undefined);
      const first = { done_bytes: 0, total_bytes: 0 };
      return progressStream(
        (onProgress: (progress: typeof first) => void) =>
          work(cache, wish, (done, total) => onProgress({ done_bytes: done, total_bytes: total })),
        first,
        clock,
      );
    });
    return { method: "POST", path, handle };
  }
}

/** Throws `usage` for one that is not there. */
function knownOrigin(mount: ControlledMount, id: string): OriginId {
  const known = mount.origins().map(({ settings }) => settings.id);
  const found = known.find((each) => each === id);
  if (found === undefined) throw noSuchOrigin(id, known);
  return found;
}

function cacheOf({ cache }: ControlledMount): ControlledCache {
  if (cache !== undefined) return cache;
  throw new OwnError("usage", "this mount keeps nothing on disk: content_cache_gb is 0");
}
