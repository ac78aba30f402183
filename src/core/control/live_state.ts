/** The state of a mount as the live stream tells it once a second. */

import type { OriginReport } from "../federation/federation.ts";
import { overallStatus } from "../federation/survey.ts";
import { cacheLiveJson } from "./cache_json.ts";
import type { ControlledMount, ControlledOrigin } from "./controlled_mount.ts";
import type { LiveOrigin, LiveState } from "./live.ts";
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
    origins: origins.map((origin) => originLiveJson(origin.report, origin)),
    scans: mount.scans().map(({ origin, startedMs, progress }) => {
      const { directories, pending, files } = progress;
      return { origin, started: isoTime(startedMs), directories, pending, files };
    }),
    cache: cacheLiveJson(mount.cache),
  };
}

export function originLiveJson(
  report: OriginReport,
  { operations, traffic }: Pick<ControlledOrigin, "operations" | "traffic">,
): LiveOrigin {
  return {
    ...originJson(report),
    next_check: report.nextCheckMs === undefined ? null : isoTime(report.nextCheckMs),
    in_flight: operations,
    ...traffic,
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
