/**
 * What `health --watch` is fed with (docs/control-api.md): the state of the mount, once a second, and
 * between that what happens as it happens. Without a mount the same comes from a watch of the
 * configured origins.
 */

import * as v from "valibot";
import { eventAnswer } from "./answers.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const milliseconds = v.pipe(v.number(), v.minValue(0));
const time = v.pipe(v.string(), v.isoTimestamp());
const healthStatus = v.picklist(["unknown", "healthy", "degraded", "unhealthy"]);

/** What is special about how a read came to its bytes. */
export const READ_MARKS = ["cache", "hedge", "retry", "failover", "probable", "error"] as const;
export type ReadMark = (typeof READ_MARKS)[number];

const liveOrigin = v.object({
  id: v.string(),
  type: v.string(),
  priority: count,
  enabled: v.boolean(),
  status: healthStatus,
  consecutive_failures: count,
  threshold: count,
  latency_p50_ms: milliseconds,
  latency_p99_ms: milliseconds,
  last_latency_ms: v.nullable(milliseconds),
  last_check: v.nullable(time),
  next_check: v.nullable(time),
  last_error: v.nullable(v.string()),
  /** Operations under way. */
  in_flight: count,
  /** Since the origin was added. */
  reads: count,
  bytes: count,
});
export type LiveOrigin = v.InferOutput<typeof liveOrigin>;

const liveScan = v.object({
  origin: v.string(),
  started: time,
  directories: count,
  /** Directories known but not listed yet. */
  pending: count,
  files: count,
});
export type LiveScan = v.InferOutput<typeof liveScan>;

const liveCache = v.object({
  state: v.picklist(["ok", "degraded"]),
  used_bytes: count,
  limit_bytes: count,
  /** Bytes that reads took from the cache, and from origins, since the mount began. */
  hit_bytes: count,
  missed_bytes: count,
});
export type LiveCache = v.InferOutput<typeof liveCache>;

const liveState = v.object({
  kind: v.literal("state"),
  time,
  /** Null without a mount. */
  mount_point: v.nullable(v.string()),
  started: v.nullable(time),
  status: healthStatus,
  files: v.nullable(count),
  reads_waiting: count,
  origins: v.array(liveOrigin),
  scans: v.array(liveScan),
  cache: v.nullable(liveCache),
});
export type LiveState = v.InferOutput<typeof liveState>;

const liveRead = v.object({
  kind: v.literal("read"),
  time,
  path: v.string(),
  /** Null for a read that no origin served. */
  origin: v.nullable(v.string()),
  bytes: count,
  /** Null for reads that threads answered by themselves, which are told together. */
  latency_ms: v.nullable(milliseconds),
  marks: v.array(v.picklist(READ_MARKS)),
});
export type LiveRead = v.InferOutput<typeof liveRead>;

const liveEvent = v.object({ kind: v.literal("event"), event: eventAnswer });

/** A line of the stream. */
export const liveUpdate = v.variant("kind", [liveState, liveRead, liveEvent]);
export type LiveUpdate = v.InferOutput<typeof liveUpdate>;
