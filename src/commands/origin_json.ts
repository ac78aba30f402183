/** Origins as `--json` shows them: a documented contract (docs/configuration.md). */

import { type Config, type OriginSettings, unhealthyThreshold } from "../core/config/config.ts";
import type { SurveyedOrigin } from "../core/federation/survey.ts";

/** The fields that `health`, `origins ls` and whatever else lists origins have in common. */
export function healthJson(origin: SurveyedOrigin) {
  const { settings, latency, lastCheckMs } = origin;
  return {
    id: settings.id,
    type: settings.originType,
    priority: settings.priority,
    enabled: settings.enabled,
    status: origin.status,
    consecutive_failures: origin.consecutiveFailures,
    threshold: origin.threshold,
    latency_p50_ms: milliseconds(latency.p50Ms),
    latency_p99_ms: milliseconds(latency.p99Ms),
    last_latency_ms:
      latency.lastLatencyMs === undefined ? null : milliseconds(latency.lastLatencyMs),
    last_check: lastCheckMs === undefined ? null : new Date(lastCheckMs).toISOString(),
    last_error: origin.lastError ?? null,
  };
}

/** An origin that nobody has looked at, with its settings as the file names them. */
export function configuredJson(settings: OriginSettings, { health }: Config) {
  const { id, originType, priority, enabled, ...rest } = settings;
  return {
    id,
    type: originType,
    priority,
    enabled,
    status: "unknown",
    consecutive_failures: 0,
    threshold: unhealthyThreshold(health, originType),
    latency_p50_ms: 0,
    latency_p99_ms: 0,
    last_latency_ms: null,
    last_check: null,
    last_error: null,
    settings: settingsJson(rest),
  };
}

/** Microseconds are noise. */
function milliseconds(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function settingsJson(settings: object): Readonly<Record<string, unknown>> {
  const named = Object.entries(settings).map(([key, value]): [string, unknown] => {
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
