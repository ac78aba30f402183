/** What is measured of a mount: one row each, asked for when somebody looks. */

import { readdirSync } from "node:fs";
import type { HealthStatus } from "../events.ts";
import type { ControlledMount, ControlledOrigin } from "./controlled_mount.ts";
import type { EventCounts } from "./event_counts.ts";

/** One line: the values of the family's labels, and the number; undefined for none. */
export type Sample = readonly [labels: readonly (string | number)[], value: number | undefined];

/** The name ends in `_total` exactly where the number only grows. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly samples: () => Iterable<Sample>;
}

const MS = 1000;
const MICRO = 1_000_000;
const STATUSES: readonly HealthStatus[] = ["healthy", "degraded", "unhealthy", "unknown"];

export function families(mount: ControlledMount, counts: EventCounts): readonly Family[] {
  return [
    ...ofOrigins(mount, counts),
    ...ofMount(mount, counts),
    ...ofCache(mount),
    ...ofProcess(),
  ];
}

function ofOrigins(mount: ControlledMount, counts: EventCounts): readonly Family[] {
  const each = (value: (origin: ControlledOrigin) => number | undefined) => () =>
    mount.origins().map((origin): Sample => [[origin.report.id], value(origin)]);
  const origin = ["origin"];
  return [
    {
      name: "musicfs_origin_health",
      help: "1 for the status that the origin has",
      labels: ["origin", "type", "status"],
      samples: () =>
        mount
          .origins()
          .flatMap(({ report: { id, type, status } }) =>
            STATUSES.map((each): Sample => [[id, type, each], each === status ? 1 : 0]),
          ),
    },
    {
      name: "musicfs_origin_enabled",
      help: "1 for an origin that is checked and read",
      labels: origin,
      samples: each(({ report }) => (report.enabled ? 1 : 0)),
    },
    {
      name: "musicfs_origin_priority",
      help: "0 to 255, lower is preferred",
      labels: origin,
      samples: each(({ report }) => report.priority),
    },
    {
      name: "musicfs_origin_consecutive_failures",
      help: "Failures in a row",
      labels: origin,
      samples: each(({ report }) => report.consecutiveFailures),
    },
    {
      name: "musicfs_origin_failures_threshold",
      help: "Failures in a row that make the origin unhealthy",
      labels: origin,
      samples: each(({ report }) => report.threshold),
    },
    {
      name: "musicfs_origin_latency_seconds",
      help: "Time to the first byte, over the latest 100 reads and checks",
      labels: ["origin", "quantile"],
      samples: () =>
        mount.origins().flatMap(({ report }): Sample[] => [
          [[report.id, 0.5], seconds(report.latencyP50Ms)],
          [[report.id, 0.99], seconds(report.latencyP99Ms)],
        ]),
    },
    {
      name: "musicfs_origin_last_check_timestamp_seconds",
      help: "When the latest health check ended",
      labels: origin,
      samples: each(({ report }) => report.lastCheckMs && report.lastCheckMs / MS),
    },
    {
      name: "musicfs_origin_last_complete_scan_timestamp_seconds",
      help: "When every directory was last listed",
      labels: origin,
      samples: each(({ lastCompleteScanMs }) => lastCompleteScanMs && lastCompleteScanMs / MS),
    },
    {
      name: "musicfs_origin_reads_total",
      help: "Reads that the origin answered",
      labels: origin,
      samples: each(({ traffic }) => traffic.reads),
    },
    {
      name: "musicfs_origin_read_bytes_total",
      help: "Bytes of these reads",
      labels: origin,
      samples: each(({ traffic }) => traffic.bytes),
    },
    ...ofUsage(mount),
    {
      name: "musicfs_failovers_total",
      help: "Reads that another origin served than the one preferred",
      labels: ["from", "to"],
      samples: () => [...counts.failovers].map(([from, to, count]): Sample => [[from, to], count]),
    },
    {
      name: "musicfs_scans_total",
      help: "Scans that ended",
      labels: ["origin", "outcome"],
      samples: () => [...counts.scans].map(([id, outcome, n]): Sample => [[id, outcome], n]),
    },
  ];
}

/** What origins cost: gauges, since days and months end. */
function ofUsage(mount: ControlledMount): readonly Family[] {
  const counts = [
    ["requests", "requests", "Requests to the origin"],
    ["received_bytes", "receivedBytes", "Bytes that it sent"],
    ["sent_bytes", "sentBytes", "Bytes that were sent to it"],
  ] as const;
  return counts.map(([name, key, help]) => ({
    name: `musicfs_origin_usage_${name}`,
    help: `${help}, of this day and this month (UTC)`,
    labels: ["origin", "period"],
    samples: () =>
      mount.origins().flatMap(({ report: { id, usage } }): Sample[] => [
        [[id, "today"], usage?.today[key]],
        [[id, "this_month"], usage?.thisMonth[key]],
      ]),
  }));
}

function ofMount(mount: ControlledMount, counts: EventCounts): readonly Family[] {
  const { identity } = mount;
  const one = (value: () => number) => (): Sample[] => [[[], value()]];
  return [
    {
      name: "musicfs_info",
      help: "Always 1",
      labels: ["version", "mount_point"],
      samples: () => [[[identity.version, identity.mountPoint], 1]],
    },
    {
      name: "musicfs_events_total",
      help: "What happened, by type of event",
      labels: ["type"],
      samples: () => [...counts.events].map(([type, count]): Sample => [[type], count]),
    },
    {
      name: "musicfs_reads_waiting",
      help: "Reads that wait for an origin",
      samples: one(() => mount.readsWaiting),
    },
    {
      name: "musicfs_scans_running",
      help: "Scans under way",
      samples: one(() => mount.scans().length),
    },
    {
      name: "musicfs_library_files",
      help: "Files shown",
      samples: one(() => mount.totals().files),
    },
    {
      name: "musicfs_library_bytes",
      help: "Size of these files",
      samples: one(() => mount.totals().bytes),
    },
    {
      name: "musicfs_library_files_without_proved_replica",
      help: "Files with no second copy that is known to be equal",
      samples: one(() => mount.totals().filesWithoutProvedReplica),
    },
    {
      name: "process_start_time_seconds",
      help: "When the mount began",
      samples: one(() => identity.startedMs / MS),
    },
  ];
}

/** Nothing of a mount without a cache. */
function ofCache(mount: ControlledMount): readonly Family[] {
  const { cache } = mount;
  if (cache === undefined) return [];
  const one = (value: () => number) => (): Sample[] => [[[], value()]];
  return [
    {
      name: "musicfs_cache_degraded",
      help: "1 while nothing can be kept",
      samples: one(() => (cache.state.status === "ok" ? 0 : 1)),
    },
    {
      name: "musicfs_cache_used_bytes",
      help: "Bytes kept on disk",
      samples: one(() => cache.usage.usedBytes),
    },
    {
      name: "musicfs_cache_limit_bytes",
      help: "Bytes that may be kept",
      samples: one(() => cache.usage.limitBytes),
    },
    {
      name: "musicfs_cache_hit_bytes_total",
      help: "Bytes that reads took from the cache",
      samples: one(() => cache.usage.hitBytes),
    },
    {
      name: "musicfs_cache_missed_bytes_total",
      help: "Bytes that reads took from elsewhere, through the cache",
      samples: one(() => cache.usage.missedBytes),
    },
    {
      name: "musicfs_cache_opens_passed_through_total",
      help: "Opens of files that the kernel reads from the cache by itself",
      samples: one(() => cache.usage.opensPassedThrough),
    },
  ];
}

/** Under the names that other programs' dashboards know. */
function ofProcess(): readonly Family[] {
  return [
    {
      name: "process_resident_memory_bytes",
      help: "Memory in use",
      samples: () => [[[], process.memoryUsage.rss()]],
    },
    {
      name: "process_open_fds",
      help: "Open file descriptors",
      samples: () => [[[], readdirSync("/proc/self/fd").length]],
    },
    {
      name: "process_cpu_seconds_total",
      help: "Processor time used",
      samples: () => {
        const { user, system } = process.cpuUsage();
        return [[[], (user + system) / MICRO]];
      },
    },
  ];
}

function seconds(ms: number): number {
  return Math.round(ms * MS) / MICRO;
}
