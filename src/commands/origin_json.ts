/** Origins that nobody has looked at, as `--json` shows them. */

import { type Config, type OriginSettings, unhealthyThreshold } from "../core/config/config.ts";
import type { ConfiguredOriginAnswer } from "../core/control/answers.ts";
import { configuredOriginJson } from "../core/control/origin_json.ts";
import type { OriginUsage } from "../core/origins/usage.ts";

export function configuredJson(
  settings: OriginSettings,
  { health }: Config,
  usage?: OriginUsage,
): ConfiguredOriginAnswer {
  const { id, originType: type, priority, enabled } = settings;
  const unseen = {
    ...{ id, type, priority, enabled },
    status: "unknown",
    consecutiveFailures: 0,
    threshold: unhealthyThreshold(health, type),
    ...{ latencyP50Ms: 0, latencyP99Ms: 0, lastLatencyMs: undefined, lastUpdateMs: undefined },
    ...{ lastCheckMs: undefined, nextCheckMs: undefined, lastError: undefined },
    usage,
  } as const;
  return configuredOriginJson(unseen, settings);
}
