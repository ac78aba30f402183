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
import { HealthMonitor } from "./health.ts";
import { LatencyStats } from "./latency.ts";

export interface SurveyPorts {
  readonly clock: Clock;
  /** Opens an origin; what it rejects with makes the origin unhealthy. */
  readonly open: (settings: OriginSettings) => Promise<Origin>;
}

export interface SurveyedOrigin {
  readonly settings: OriginSettings;
  /** `unknown` for a disabled origin, which is left alone. */
  readonly status: HealthStatus;
  readonly consecutiveFailures: number;
  readonly threshold: number;
  readonly latency: LatencyStats;
  /** Wall clock, milliseconds since the epoch. */
  readonly lastCheckMs: number | undefined;
  readonly lastError: string | undefined;
}

/** What was found out about all of them: the worst, `unknown` when there was none to check. */
export function overallStatus(origins: readonly SurveyedOrigin[]): HealthStatus {
  const found = origins.filter(({ settings }) => settings.enabled).map(({ status }) => status);
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
): Promise<readonly SurveyedOrigin[]> {
  return Promise.all(origins.map((settings) => surveyOrigin(settings, health, ports)));
}

async function surveyOrigin(
  settings: OriginSettings,
  health: HealthSettings,
  { clock, open }: SurveyPorts,
): Promise<SurveyedOrigin> {
  const threshold = unhealthyThreshold(health, settings.originType);
  const latency = new LatencyStats();
  const unseen = { settings, threshold, latency, lastCheckMs: undefined } as const;
  if (!settings.enabled) {
    return { ...unseen, status: "unknown", consecutiveFailures: 0, lastError: undefined };
  }
  const monitor = new HealthMonitor(clock, new EventBus(), health, {
    onProbed: (_origin, latencyMs) => latency.record(latencyMs, clock.wallMs()),
  });
  let origin: Origin;
  try {
    origin = await open(settings);
  } catch (error) {
    const lastError = messageOf(error);
    return { ...unseen, status: "unhealthy", consecutiveFailures: threshold, lastError };
  }
  try {
    monitor.add(origin);
    do await monitor.checkNow(origin.id);
    while (monitor.status(origin.id) !== "unhealthy" && monitor.consecutiveFailures(origin.id) > 0);
    return { ...unseen, ...monitor.health(origin) };
  } finally {
    monitor.close();
    await origin.close();
  }
}
