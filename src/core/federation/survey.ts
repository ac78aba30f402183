/**
 * The health of origins from configuration alone, for when no mount runs: each enabled one is
 * checked at once and, while it fails, again and again up to its threshold, so that one look tells
 * what the monitor of a mount would have come to.
 */

import type { Clock } from "../clock.ts";
import { type HealthSettings, type OriginSettings, unhealthyThreshold } from "../config/config.ts";
import { messageOf } from "../errors.ts";
import { EventBus, type HealthStatus } from "../events.ts";
import type { Origin } from "../origins/origin.ts";
import type { OriginReport } from "./federation.ts";
import { HealthMonitor, type OriginHealth } from "./health.ts";
import { LatencyStats } from "./latency.ts";

export interface SurveyPorts {
  readonly clock: Clock;
  /** Opens an origin; what it rejects with makes the origin unhealthy. */
  readonly open: (settings: OriginSettings) => Promise<Origin>;
}

/** The status of all of them: the worst of the enabled ones, `unknown` when there is none. */
export function overallStatus(
  origins: readonly { readonly enabled: boolean; readonly status: HealthStatus }[],
): HealthStatus {
  const found = origins.filter(({ enabled }) => enabled).map(({ status }) => status);
  for (const status of ["unhealthy", "unknown", "degraded"] as const) {
    if (found.includes(status)) return status;
  }
  return found.length === 0 ? "unknown" : "healthy";
}

/** In the order given; takes at most the slowest origin's threshold times the checks' time-out. */
export async function surveyOrigins(
  origins: readonly OriginSettings[],
  health: HealthSettings,
  ports: SurveyPorts,
): Promise<readonly OriginReport[]> {
  return Promise.all(origins.map((settings) => surveyOrigin(settings, health, ports)));
}

async function surveyOrigin(
  settings: OriginSettings,
  health: HealthSettings,
  { clock, open }: SurveyPorts,
): Promise<OriginReport> {
  const { id, originType: type, priority, enabled } = settings;
  const threshold = unhealthyThreshold(health, type);
  const latency = new LatencyStats();
  const report = (found: OriginHealth): OriginReport => ({
    ...{ id, type, priority, enabled },
    ...found,
    ...{ latencyP50Ms: latency.p50Ms, latencyP99Ms: latency.p99Ms },
    ...{ lastLatencyMs: latency.lastLatencyMs, lastUpdateMs: latency.lastUpdateMs },
  });
  const unchecked = { lastCheckMs: undefined, nextCheckMs: undefined } as const;
  const unseen = { threshold, ...unchecked, lastError: undefined } as const;
  if (!enabled) return report({ ...unseen, status: "unknown", consecutiveFailures: 0 });
  const monitor = new HealthMonitor(clock, new EventBus(), health, {
    onProbed: (_origin, latencyMs) => latency.record(latencyMs, clock.wallMs()),
  });
  let origin: Origin;
  try {
    origin = await open(settings);
  } catch (error) {
    const failed = { ...unseen, consecutiveFailures: threshold, lastError: messageOf(error) };
    return report({ ...failed, status: "unhealthy" });
  }
  try {
    monitor.add(origin);
    do await monitor.checkNow(origin.id);
    while (monitor.status(origin.id) !== "unhealthy" && monitor.consecutiveFailures(origin.id) > 0);
    // Nobody checks it again.
    return report({ ...monitor.health(origin), nextCheckMs: undefined });
  } finally {
    monitor.close();
    await origin.close();
  }
}
