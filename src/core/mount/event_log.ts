/** What happens, in the log. */

import { displayPath } from "../bytes.ts";
import type { EventBus, MusicFsEvent } from "../events.ts";
import type { Logger } from "../log.ts";

export function logEvents(events: EventBus, log: Logger): Disposable {
  return events.subscribe((event) => logEvent(event, log));
}

function logEvent(event: MusicFsEvent, log: Logger): void {
  switch (event.type) {
    case "health_changed": {
      const { origin, from, to, reason } = event;
      const fields = { origin, from, to, ...(reason === undefined ? {} : { reason }) };
      if (to === "healthy") log.info("origin is healthy", fields);
      else log.warn(`origin is ${to}`, fields);
      return;
    }
    case "failover":
      log.warn("failed over", {
        origin: event.from,
        to: event.to,
        path: displayPath(event.path),
        reason: event.reason,
      });
      return;
    case "all_origins_unhealthy":
      log.error("all origins are unhealthy");
      return;
    case "file_unavailable":
      log.warn("file is unavailable", { path: displayPath(event.path), reason: event.reason });
      return;
    case "replica_mismatch":
      log.warn("replicas of one path differ", {
        path: displayPath(event.path),
        origins: event.origins.join(", "),
        how: event.how,
      });
      return;
    case "kind_conflict":
      log.warn("a directory and a file have one name", {
        path: displayPath(event.path),
        shown: event.shown,
        hidden: event.hidden,
      });
      return;
    case "name_skipped": {
      const { origin, path, reason } = event;
      log.warn("left out", { origin, path: displayPath(path), reason });
      return;
    }
    case "scan_finished": {
      const { origin, outcome, reason } = event;
      const fields = { origin, outcome, ...(reason === undefined ? {} : { reason }) };
      if (outcome === "cancelled") log.debug("scanned", fields);
      else if (outcome === "complete") log.info("scanned", fields);
      else log.warn("scanned", fields);
      return;
    }
    case "origin_added":
    case "origin_removed":
    case "origin_watched":
    case "recovered":
    case "scan_started":
      log.debug(event.type, { origin: event.origin });
      return;
    case "sync_started":
      log.debug(event.type, { files: event.files });
      return;
    case "sync_finished": {
      const { files, failed, bytes, fetched } = event;
      log.info("synced cached files", { files, failed, bytes, fetched });
      return;
    }
    case "cache_state_changed":
      if (event.status === "ok") log.info("the cache keeps what is read");
      else log.warn("the cache keeps nothing for now", { reason: event.reason ?? "" });
      return;
    case "cache_block_dropped":
      log.warn("a cached block was bad and is fetched again", {
        path: displayPath(event.path),
        block: event.block,
        reason: event.reason,
      });
      return;
    case "cache_evicted":
      log.debug(event.type, { files: event.files, bytes: event.bytes });
      return;
    case "file_added":
    case "file_modified":
    case "file_removed":
      log.debug(event.type, { origin: event.origin, path: displayPath(event.path) });
      return;
  }
}
