/** The state of a mount as the live stream tells it once a second. */

import { overallStatus } from "../federation/survey.ts";
import type { ControlledMount } from "./controlled_mount.ts";
import type { LiveState } from "./live.ts";
import { originJson } from "./origin_json.ts";

export function liveState(mount: ControlledMount, nowMs: number): LiveState {
  const origins = mount.origins();
  return {
    kind: "state",
    time: isoTime(nowMs),
    mount_point: mount.identity.mountPoint,
    started: isoTime(mount.identity.startedMs),
    status: overallStatus(origins.map(({ report }) => report)),
    files: mount.totals().files,
    reads_waiting: mount.readsWaiting,
    origins: origins.map(({ report, traffic, operations }) => ({
      ...originJson(report),
      next_check: report.nextCheckMs === undefined ? null : isoTime(report.nextCheckMs),
      in_flight: operations,
      ...traffic,
    })),
    scans: mount.scans().map(({ origin, startedMs, progress }) => {
      const { directories, pending, files } = progress;
      return { origin, started: isoTime(startedMs), directories, pending, files };
    }),
    cache: null,
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
