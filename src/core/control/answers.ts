/**
 * What the control API answers: a documented contract (docs/control-api.md), which a client checks,
 * since the mount it talks to may be of another version. Fields may be added.
 */

import * as v from "valibot";
import { cacheUsageAnswer } from "./cache_answers.ts";

/** Media type of answers that come line by line, each a JSON object. */
export const NDJSON = "application/x-ndjson";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const milliseconds = v.pipe(v.number(), v.minValue(0));
const time = v.pipe(v.string(), v.isoTimestamp());
const orNull = <T extends v.GenericSchema>(schema: T) => v.nullable(schema);

const healthStatus = v.picklist(["unknown", "healthy", "degraded", "unhealthy"]);

const usageCounts = v.object({ requests: count, received_bytes: count, sent_bytes: count });

/** A mount that is older than this program does not tell. */
const usageAnswer = v.optional(
  orNull(v.object({ today: usageCounts, this_month: usageCounts })),
  null,
);

const originFields = {
  id: v.string(),
  type: v.string(),
  priority: count,
  enabled: v.boolean(),
  status: healthStatus,
  consecutive_failures: count,
  threshold: count,
  latency_p50_ms: milliseconds,
  latency_p99_ms: milliseconds,
  last_latency_ms: orNull(milliseconds),
  last_check: orNull(time),
  last_error: orNull(v.string()),
  /** By days and months of UTC; null for disks of this machine, which cost nothing. */
  usage: usageAnswer,
};

/** An origin and its health. */
export const originAnswer = v.object(originFields);
export type OriginAnswer = v.InferOutput<typeof originAnswer>;

/** An origin with all its settings as they count, secrets redacted. */
export const configuredOriginAnswer = v.object({
  ...originFields,
  settings: v.record(v.string(), v.unknown()),
});
export type ConfiguredOriginAnswer = v.InferOutput<typeof configuredOriginAnswer>;

/** `status` is that of the worst enabled origin. */
export const originsAnswer = v.object({
  status: healthStatus,
  file: orNull(v.string()),
  origins: v.array(configuredOriginAnswer),
});
export type OriginsAnswer = v.InferOutput<typeof originsAnswer>;

/** One origin after it was added, changed or checked. */
export const changedOriginAnswer = v.object({
  changed: v.boolean(),
  file: v.string(),
  origin: configuredOriginAnswer,
});

export type ChangedOriginAnswer = v.InferOutput<typeof changedOriginAnswer>;

/** An origin that is no more. */
export const removedOriginAnswer = v.object({
  changed: v.boolean(),
  file: v.string(),
  id: v.string(),
});

export type RemovedOriginAnswer = v.InferOutput<typeof removedOriginAnswer>;

/** `POST /v1/origins/ID/check`. */
export const checkAnswer = v.object({ origin: originAnswer });

/** `needs_remount` names the tables of settings that changed and only count from the next mount on. */
export const reloadAnswer = v.object({
  file: orNull(v.string()),
  changed: v.boolean(),
  origins: count,
  needs_remount: v.array(v.string()),
});
export type ReloadAnswer = v.InferOutput<typeof reloadAnswer>;

export const statusAnswer = v.object({
  version: v.string(),
  pid: count,
  mount_point: v.string(),
  cache_dir: v.string(),
  config_file: orNull(v.string()),
  started: time,
  uptime_secs: count,
  status: healthStatus,
  origins: v.array(
    v.object({
      id: v.string(),
      type: v.string(),
      priority: count,
      enabled: v.boolean(),
      status: healthStatus,
      reads: count,
      bytes: count,
      usage: usageAnswer,
    }),
  ),
  library: v.object({
    files: count,
    directories: count,
    bytes: count,
    files_without_proved_replica: count,
  }),
  reads_waiting: count,
  /** Null when nothing is kept. */
  cache: orNull(cacheUsageAnswer),
  scans: v.array(
    v.object({
      origin: v.string(),
      started: time,
      directories: count,
      pending: count,
      files: count,
      bytes: count,
    }),
  ),
  /** What `after` of `/v1/events` takes to get what comes from now on. */
  latest_event: v.string(),
});
export type StatusAnswer = v.InferOutput<typeof statusAnswer>;

const scanOutcome = v.picklist(["complete", "partial", "held", "failed", "busy"]);
const scanCounts = {
  directories: count,
  files: count,
  bytes: count,
  added: count,
  modified: count,
  removed: count,
  kept: count,
};

export const scanAnswer = v.object({
  outcome: scanOutcome,
  totals: v.object(scanCounts),
  origins: v.array(
    v.object({
      id: v.string(),
      outcome: scanOutcome,
      ...scanCounts,
      elapsed_ms: count,
      reason: orNull(v.string()),
      problems: v.array(v.string()),
      problem_count: count,
    }),
  ),
});
export type ScanAnswer = v.InferOutput<typeof scanAnswer>;

/** A line of a scan's stream: sums over all origins. */
export const scanProgress = v.object({
  files: count,
  directories: count,
  pending_directories: count,
  known_files: count,
});
export type ScanProgressAnswer = v.InferOutput<typeof scanProgress>;

/** Any line of a stream that tells of work: what else it holds follows from its kind. */
export const workLine = v.looseObject({ kind: v.picklist(["progress", "result", "error"]) });

export const eventAnswer = v.looseObject({ id: v.string(), time, type: v.string() });

export const errorAnswer = v.object({
  error: v.object({
    code: v.string(),
    message: v.string(),
    problems: v.optional(
      v.array(
        v.object({
          source: v.string(),
          line: v.exactOptional(count),
          column: v.exactOptional(count),
          key: v.exactOptional(v.string()),
          message: v.string(),
          excerpt: v.exactOptional(v.string()),
        }),
      ),
    ),
  }),
});
