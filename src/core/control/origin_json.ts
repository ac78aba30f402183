/** Origins as `--json` and the control API show them: a documented contract (docs/configuration.md). */

import type { OriginSettings } from "../config/config.ts";
import type { OriginReport } from "../federation/federation.ts";
import type { OriginUsage, UsageCounts } from "../origins/usage.ts";
import type { ConfiguredOriginAnswer, OriginAnswer } from "./answers.ts";

/** The fields that `health`, `origins ls` and whatever else lists origins have in common. */
export function originJson(report: OriginReport): OriginAnswer {
  const { lastLatencyMs, lastCheckMs } = report;
  return {
    id: report.id,
    type: report.type,
    priority: report.priority,
    enabled: report.enabled,
    status: report.status,
    consecutive_failures: report.consecutiveFailures,
    threshold: report.threshold,
    latency_p50_ms: milliseconds(report.latencyP50Ms),
    latency_p99_ms: milliseconds(report.latencyP99Ms),
    last_latency_ms: lastLatencyMs === undefined ? null : milliseconds(lastLatencyMs),
    last_check: lastCheckMs === undefined ? null : new Date(lastCheckMs).toISOString(),
    last_error: report.lastError ?? null,
    usage: usageJson(report.usage),
  };
}

export function usageJson(usage: OriginUsage | undefined): OriginAnswer["usage"] {
  if (usage === undefined) return null;
  const counts = ({ requests, receivedBytes, sentBytes }: UsageCounts) => ({
    ...{ requests, received_bytes: receivedBytes, sent_bytes: sentBytes },
  });
  return { today: counts(usage.today), this_month: counts(usage.thisMonth) };
}

/** With its settings as the file names them. */
export function configuredOriginJson(
  report: OriginReport,
  settings: OriginSettings,
): ConfiguredOriginAnswer {
  const { id: _id, originType: _type, priority: _priority, enabled: _enabled, ...rest } = settings;
  return { ...originJson(report), settings: settingsJson(rest) };
}

/** Microseconds are noise. */
function milliseconds(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function settingsJson(settings: object): Record<string, unknown> {
  // Which file they are from is none of them.
  const own = Object.entries(settings).filter(([key]) => key !== "configFile");
  const named = own.map(([key, value]): [string, unknown] => {
    if (key === "credentials") return [key, credentialsJson(value)];
    if (key === "bandwidthLimitBytesPerSec")
      return ["bandwidth_limit_bytes_per_sec", value ?? null];
    return [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value ?? null];
  });
  return Object.fromEntries(named);
}

/** Where they come from. A command line may hold a secret itself. */
function credentialsJson(source: OriginSettings["credentials"]): unknown {
  if (source === undefined) return null;
  if (source.from === "env") return { env: source.prefix };
  return source.from === "file" ? { file: source.path } : { command: "[redacted]" };
}
