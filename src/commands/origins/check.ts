/** What `origins add` and `set` do at the origin itself before they write anything. */

import { ROOT_PATH } from "../../core/bytes.ts";
import { systemClock } from "../../core/clock.ts";
import type { HealthSettings, OriginSettings } from "../../core/config/config.ts";
import { messageOf, OwnError } from "../../core/errors.ts";
import { surveyOrigins } from "../../core/federation/survey.ts";
import type { Origin } from "../../core/origins/origin.ts";
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

/**
 * Rejects when one check of the origin fails, or its root cannot be listed; what is degraded is remarked upon.
 * `acceptCommand` is the one that would accept an SSH server's host key, but for `--accept-host-key`.
 */
export async function requireAnswer(
  settings: OriginSettings,
  health: HealthSettings,
  acceptCommand: string,
): Promise<void> {
  const once = { ...health, unhealthyThreshold: 1, perOriginThresholds: {} };
  const enabled = { ...settings, enabled: true };
  const open = (each: OriginSettings) => openStandalone(each, systemClock, { acceptCommand });
  const [found] = await surveyOrigins([enabled], once, { clock: systemClock, open });
  const why =
    found?.status === "healthy"
      ? await whyUnlistable(await open(enabled))
      : (found?.lastError ?? "it does not answer");
  if (why === undefined) return;
  if (found?.status === "degraded") {
    remark(`musicfs: origin ${settings.id} is degraded: ${why}`);
    return;
  }
  throw new OwnError(
    "no_origin_available",
    `${why}; nothing was written (--no-check adds it all the same)`,
  );
}

/**
 * A check of health need not see a path that is wrong: a bucket answers whatever its keys begin with. Undefined where
 * the root can be listed; that nothing is in it is remarked upon.
 */
async function whyUnlistable(origin: Origin): Promise<string | undefined> {
  try {
    for await (const page of origin.list(ROOT_PATH)) if (page.length > 0) return undefined;
    remark(`musicfs: origin ${origin.id} is empty; check its path if there should be music`);
    return undefined;
  } catch (error) {
    return messageOf(error);
  } finally {
    await origin.close();
  }
}
