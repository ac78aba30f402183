/** Events as the control API and `musicfs events --json` show them (docs/control-api.md). */

import { type BytePath, displayPath, textOf } from "../bytes.ts";
import type { EventType } from "../events.ts";
import type { RecordedEvent } from "./event_history.ts";

/** Every type there is: the compiler sees to that. */
const TYPES: Readonly<Record<EventType, true>> = {
  origin_added: true,
  origin_removed: true,
  origin_watched: true,
  health_changed: true,
  failover: true,
  all_origins_unhealthy: true,
  recovered: true,
  file_unavailable: true,
  replica_mismatch: true,
  kind_conflict: true,
  name_skipped: true,
  file_added: true,
  file_modified: true,
  file_removed: true,
  scan_started: true,
  scan_finished: true,
  sync_started: true,
  sync_finished: true,
  cache_block_dropped: true,
  cache_evicted: true,
  cache_state_changed: true,
};

export const EVENT_TYPES = Object.keys(TYPES).sort();

export interface EventAnswer {
  /** Names the event while the mount runs: what came after it can be asked for. */
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly type: string;
  readonly [field: string]: unknown;
}

export function eventJson(id: string, { timeMs, event }: RecordedEvent): EventAnswer {
  const { type, ...fields } = event;
  const shown = "path" in fields ? { ...fields, path: shownPath(fields.path) } : fields;
  return { id, time: new Date(timeMs).toISOString(), type, ...shown };
}

/** As text where the path is UTF-8, else escaped for people. */
export function shownPath(path: BytePath): string {
  return textOf(path) ?? displayPath(path);
}
