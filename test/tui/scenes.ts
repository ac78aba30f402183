/** Recorded minutes of mounts, as the live stream tells them, with a clock that stands still. */

import type { LiveOrigin, LiveRead, LiveState, LiveUpdate } from "../../src/core/control/live.ts";
import { overallStatus } from "../../src/core/federation/survey.ts";

export const NOW_MS = Date.UTC(2026, 0, 5, 12, 0, 0);
const SECOND = 1000;

export function at(secondsAgo: number): string {
  return new Date(NOW_MS - secondsAgo * SECOND).toISOString();
}

export function origin(id: string, change: Partial<LiveOrigin> = {}): LiveOrigin {
  return {
    id,
    type: "local",
    priority: 1,
    enabled: true,
    status: "healthy",
    consecutive_failures: 0,
    threshold: 3,
    latency_p50_ms: 12,
    latency_p99_ms: 48,
    last_latency_ms: 11,
    last_check: at(4),
    next_check: at(-26),
    last_error: null,
    in_flight: 0,
    reads: 0,
    bytes: 0,
    ...change,
  };
}

export function state(
  secondsAgo: number,
  origins: readonly LiveOrigin[],
  change: Partial<LiveState> = {},
): LiveState {
  return {
    kind: "state",
    time: at(secondsAgo),
    mount_point: "/mnt/music",
    started: at(3 * 86_400),
    status: overallStatus(origins),
    files: 48_211,
    reads_waiting: 0,
    origins: [...origins],
    scans: [],
    cache: {
      state: "ok",
      used_bytes: 6.4 * 2 ** 30,
      limit_bytes: 10 * 2 ** 30,
      hit_bytes: 910_000_000,
      missed_bytes: 90_000_000,
    },
    ...change,
  };
}

export function read(secondsAgo: number, change: Partial<LiveRead> = {}): LiveRead {
  return {
    kind: "read",
    time: at(secondsAgo),
    path: "Nina Simone/Pastel Blues/10 Sinnerman.flac",
    origin: "nas",
    bytes: 131_072,
    latency_ms: 11.4,
    marks: [],
    ...change,
  };
}

let events = 0;
export function event(secondsAgo: number, type: string, fields: object = {}): LiveUpdate {
  return { kind: "event", event: { id: `run-${++events}`, time: at(secondsAgo), type, ...fields } };
}

const REFUSED =
  "nas: cannot connect to 192.168.1.10:22: connection refused; is sshd running there?";

/** Thirty seconds of a library on a NAS, a bucket and a disk; the NAS is what `nas` makes of it. */
function minutes(nas: (secondsAgo: number) => Partial<LiveOrigin>): LiveUpdate[] {
  return Array.from({ length: 30 }, (_, index) => {
    const ago = 29 - index;
    const mb = 2 ** 20;
    return state(ago, [
      origin("nas", {
        ...{ type: "sftp", reads: index * 20, bytes: index * 3 * mb },
        ...{ last_latency_ms: 10 + ((index * 7) % 13), in_flight: 2, ...nas(ago) },
      }),
      origin("cloud", {
        ...{ type: "s3", priority: 2, latency_p50_ms: 64, latency_p99_ms: 310 },
        ...{ last_latency_ms: 60 + ((index * 31) % 50), reads: index, bytes: index * mb },
      }),
      origin("disk", { priority: 3, threshold: 1, latency_p50_ms: 0.4, latency_p99_ms: 2.1 }),
    ]);
  });
}

const DOWN: Partial<LiveOrigin> = {
  ...{ status: "unhealthy", consecutive_failures: 4, last_error: REFUSED, in_flight: 0 },
};
const ALBUM = [
  read(9),
  read(8, { latency_ms: 9.8 }),
  read(7, { origin: "nas", latency_ms: 0.1, marks: ["cache"] }),
];

export const SCENES: Readonly<Record<string, readonly LiveUpdate[]>> = {
  healthy: [
    ...minutes(() => ({})),
    event(28, "scan_finished", { origin: "nas", outcome: "complete" }),
    ...ALBUM,
  ],
  failing: [
    ...minutes((ago) => (ago < 8 ? { ...DOWN, reads: 420, bytes: 66_000_000 } : {})),
    ...ALBUM,
    read(6, { origin: "cloud", latency_ms: 212, marks: ["failover"] }),
    read(5, { origin: "cloud", latency_ms: 71 }),
    read(4, {
      origin: "disk",
      path: "日本/東京/01 夜.mp3",
      latency_ms: 0.7,
      marks: ["hedge", "probable"],
    }),
    event(8, "health_changed", { origin: "nas", from: "healthy", to: "degraded", reason: REFUSED }),
    event(7, "failover", { from: "nas", to: "cloud", path: ALBUM[0]?.path, reason: REFUSED }),
    event(6, "health_changed", {
      origin: "nas",
      from: "degraded",
      to: "unhealthy",
      reason: REFUSED,
    }),
  ],
  "all failing": [
    ...minutes(() => DOWN).map((update) =>
      update.kind === "state"
        ? {
            ...update,
            status: "unhealthy" as const,
            reads_waiting: 3,
            origins: update.origins.map((each) => ({ ...each, ...DOWN })),
          }
        : update,
    ),
    read(3, { origin: null, latency_ms: 0.1, marks: ["cache"] }),
    read(2, { origin: null, bytes: 0, latency_ms: 1.2, marks: ["error"] }),
    event(3, "all_origins_unhealthy"),
    event(2, "file_unavailable", {
      path: "Various/Live.flac",
      reason: "no origin that holds it can serve it now",
    }),
  ],
  recovering: [
    ...minutes((ago) => (ago < 6 ? {} : DOWN)),
    event(6, "recovered", { origin: "nas" }),
    event(6, "health_changed", { origin: "nas", from: "unhealthy", to: "healthy" }),
    read(5, { origin: "nas", latency_ms: 38, marks: ["retry"] }),
  ],
  scanning: [
    ...minutes(() => ({})),
    state(0, [origin("nas", { type: "smb" })], {
      scans: [{ origin: "nas", started: at(41), directories: 812, pending: 390, files: 9641 }],
      cache: {
        ...{ state: "degraded", used_bytes: 9.9 * 2 ** 30, limit_bytes: 10 * 2 ** 30 },
        ...{ hit_bytes: 1, missed_bytes: 3 },
      },
    }),
    event(41, "scan_started", { origin: "nas" }),
    event(2, "file_added", { origin: "nas", path: "New/\u001b[31mred\u0007.flac" }),
  ],
  "one origin, no mount": [
    state(0, [origin("disk")], {
      ...{ mount_point: null, started: null, files: null, cache: null },
    }),
    event(1, "health_changed", { origin: "disk", from: "unknown", to: "healthy" }),
  ],
  "thirty origins": [
    state(
      0,
      Array.from({ length: 30 }, (_, index) =>
        origin(`shelf-${String(index + 1).padStart(2, "0")}`, {
          priority: index + 1,
          enabled: index % 7 !== 3,
          status: index % 5 === 2 ? "degraded" : "healthy",
        }),
      ),
    ),
  ],
};
