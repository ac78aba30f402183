/** The state of a mount in one object, as `status --json` shows it (docs/control-api.md). */

import { overallStatus } from "../federation/survey.ts";
import type { StatusAnswer } from "./answers.ts";
import { cacheUsageJson } from "./cache_json.ts";
import type { ControlledMount } from "./controlled_mount.ts";
import { usageJson } from "./origin_json.ts";

const MS = 1000;

export function statusJson(
  mount: ControlledMount,
  { latestEvent, nowMs }: { readonly latestEvent: string; readonly nowMs: number },
): StatusAnswer {
  const { identity } = mount;
  const origins = mount.origins();
  const { filesWithoutProvedReplica, ...totals } = mount.totals();
  return {
    version: identity.version,
    pid: process.pid,
    mount_point: identity.mountPoint,
    cache_dir: identity.cacheDir,
    config_file: identity.configFile ?? null,
    started: new Date(identity.startedMs).toISOString(),
    uptime_secs: Math.max(0, Math.round((nowMs - identity.startedMs) / MS)),
    status: overallStatus(origins.map(({ report }) => report)),
    origins: origins.map(({ report, traffic }) => ({
      id: report.id,
      type: report.type,
      priority: report.priority,
      enabled: report.enabled,
      status: report.status,
      ...traffic,
      usage: usageJson(report.usage),
    })),
    library: { ...totals, files_without_proved_replica: filesWithoutProvedReplica },
    reads_waiting: mount.readsWaiting,
    cache: cacheUsageJson(mount.cache),
    scans: mount.scans().map(({ origin, startedMs, progress }) => ({
      origin,
      started: new Date(startedMs).toISOString(),
      ...progress,
    })),
    latest_event: latestEvent,
  };
}
