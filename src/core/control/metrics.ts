/**
 * The metrics page of a mount, in Prometheus's text format. Everything is asked for when somebody
 * looks; prom-client is loaded then.
 */

import { readdirSync } from "node:fs";
import type { Registry } from "prom-client";
import type { HealthStatus } from "../events.ts";
import type { ControlledMount, ControlledOrigin } from "./controlled_mount.ts";
import type { EventCounts } from "./event_counts.ts";

export interface MetricsPage {
  readonly text: string;
  /** Its media type. */
  readonly type: string;
}

/** One line: the values of the family's labels, and the number; undefined for none. */
type Sample = readonly [labels: readonly (string | number)[], value: number | undefined];

interface Family {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly samples: () => Iterable<Sample>;
}

const MS = 1000;
const MICRO = 1_000_000;
const STATUSES: readonly HealthStatus[] = ["healthy", "degraded", "unhealthy", "unknown"];

export class Metrics {
  #registry: Promise<Registry> | undefined;

  constructor(
    readonly mount: ControlledMount,
    readonly counts: EventCounts,
  ) {}

  readonly page = async (): Promise<MetricsPage> => {
    this.#registry ??= registryOf(families(this.mount, this.counts));
    const registry = await this.#registry;
    return { text: await registry.metrics(), type: registry.contentType };
  };
}

/** Names end in `_total` exactly where the number only grows. */
async function registryOf(all: readonly Family[]): Promise<Registry> {
  const { Counter, Gauge, Registry } = await import("prom-client");
  const registry = new Registry();
  for (const { name, help, labels = [], samples } of all) {
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    const told = (collect: (labels: Record<string, string | number>, value: number) => void) => {
      for (const [values, value] of samples()) {
        if (value === undefined) continue;
        collect(Object.fromEntries(labels.map((label, at) => [label, values[at] ?? ""])), value);
      }
    };
    if (name.endsWith("_total")) {
      new Counter({
        ...options,
        collect() {
          this.reset();
          told((with_, value) => this.inc(with_, value));
        },
      });
    } else {
      new Gauge({
        ...options,
        collect() {
          this.reset();
          told((with_, value) => this.set(with_, value));
        },
      });
    }
  }
  return registry;
}

function families(mount: ControlledMount, counts: EventCounts): readonly Family[] {
  return [...ofOrigins(mount, counts), ...ofMount(mount, counts), ...ofProcess()];
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
