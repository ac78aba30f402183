/** Whether each enabled origin answers, to this process and with its secrets. */

import type { Clock } from "../clock.ts";
import type { Config, OriginSettings } from "../config/config.ts";
import { MusicFsError, messageOf, OriginError, type OriginErrorCode } from "../errors.ts";
import { type ProbeOutcome, startProbe } from "../federation/probe.ts";
import type { Origin } from "../origins/origin.ts";
import { type Finding, Findings } from "./finding.ts";

/** Opens an origin; what it rejects with is a finding. */
export type OpenOrigin = (settings: OriginSettings) => Promise<Origin>;

/** Each is asked once, all side by side, for at most `health.timeout_ms`. */
export async function checkOrigins(
  { origins, health }: Config,
  clock: Clock,
  open: OpenOrigin,
): Promise<readonly Finding[]> {
  const enabled = origins.filter((origin) => origin.enabled);
  const found = enabled.map(async (settings) => {
    const outcome = await ask(settings, health.timeoutMs, clock, open);
    return findingsOf(settings, outcome);
  });
  return (await Promise.all(found)).flat();
}

async function ask(
  settings: OriginSettings,
  timeoutMs: number,
  clock: Clock,
  open: OpenOrigin,
): Promise<ProbeOutcome> {
  let origin: Origin;
  try {
    origin = await open(settings);
  } catch (error) {
    return { status: "failed", error };
  }
  try {
    const schedule = (delayMs: number, task: () => void) => clock.schedule(delayMs, task);
    return await startProbe(origin, timeoutMs, schedule).outcome;
  } finally {
    await origin.close();
  }
}

function findingsOf({ id, originType }: OriginSettings, outcome: ProbeOutcome): readonly Finding[] {
  const findings = new Findings("origin", id);
  if (outcome.status === "degraded") {
    findings.warning(outcome.reason, `see whether it stays so: musicfs health ${id}`);
  }
  if (outcome.status === "failed") {
    const { error } = outcome;
    if (!(error instanceof MusicFsError)) throw error;
    const prefix = `origin ${id}: `;
    const message = messageOf(error);
    findings.problem(
      message.startsWith(prefix) ? message.slice(prefix.length) : message,
      error instanceof OriginError ? remedyFor(error.code, id) : settingsRemedy(id),
    );
  }
  return findings.elseOk(`this ${originType} origin answers`);
}

function settingsRemedy(id: string): string {
  return `mend its settings: musicfs origins set ${id} --help lists them`;
}

function remedyFor(code: OriginErrorCode, id: string): string {
  switch (code) {
    case "timeout":
      return "see why it is slow; one that always is needs a longer timeout_ms under [health]";
    case "connection":
      return "see that its server runs and is reached from here: address, port, firewall, name";
    case "overloaded":
      return `wait, or ask less at once: musicfs origins set ${id} --max-concurrency N`;
    case "credentials":
      return `mend its secrets, or name others: musicfs origins set ${id} --credentials-file FILE`;
    case "host_key":
      return "compare the key as the message says, and accept it if it is the server's";
    case "device_gone":
      return "see what became of the disk: dmesg tells";
    case "not_mounted":
      return "mount the share, and have it mounted at every start: /etc/fstab";
    case "protocol":
    case "io":
    case "short_read":
      return "see the logs of its server, and of the kernel for a disk: dmesg";
    case "denied":
      return "let the user who runs musicfs read there";
    case "misconfigured":
    case "not_found":
    case "version_changed":
    case "archived":
    case "not_a_directory":
    case "is_a_directory":
    case "not_a_file":
    case "symlink_loop":
    case "outside_root":
    case "bad_name":
      return settingsRemedy(id);
  }
}
