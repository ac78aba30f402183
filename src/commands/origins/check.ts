/** What `origins add` and `set` do at the origin itself before they write anything. */

import { systemClock } from "../../core/clock.ts";
import type { HealthSettings, OriginSettings } from "../../core/config/config.ts";
import { OwnError } from "../../core/errors.ts";
import { surveyOrigins } from "../../core/federation/survey.ts";
import { openStandalone } from "../../core/origins/standalone.ts";
import { remark } from "../output.ts";

/** Trusts a server's host key; throws `usage` for an origin that has none. */
export async function acceptKey(settings: OriginSettings, fingerprint: string): Promise<void> {
  if (settings.originType !== "sftp") {
    throw new OwnError("usage", `--accept-host-key belongs to sftp, not ${settings.originType}`);
  }
  const { acceptHostKey } = await import("../../core/origins/sftp/accept_host_key.ts");
  const { keyType, file, recorded } = await acceptHostKey(settings, fingerprint);
  remark(recorded ? `${keyType} key recorded in ${file}` : `${keyType} key is trusted already`);
}

/** Rejects when one check of the origin fails, or finds it degraded. */
export async function requireAnswer(
  settings: OriginSettings,
  health: HealthSettings,
): Promise<void> {
  const once = { ...health, unhealthyThreshold: 1, perOriginThresholds: {} };
  const enabled = { ...settings, enabled: true };
  const open = (each: OriginSettings) => openStandalone(each);
  const [found] = await surveyOrigins([enabled], once, { clock: systemClock, open });
  if (found?.status === "healthy") return;
  const why = found?.lastError ?? "it does not answer";
  if (found?.status === "degraded") {
    remark(`musicfs: origin ${settings.id} is degraded: ${why}`);
    return;
  }
  throw new OwnError(
    "no_origin_available",
    `${why}; nothing was written (--no-check adds it all the same)`,
  );
}
