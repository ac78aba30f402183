/**
 * Whether the machine's clock is right. S3 refuses requests that are a quarter of an hour off
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, RequestTimeTooSkewed).
 */

import type { Config, S3OriginSettings } from "../config/config.ts";
import { shownDuration } from "../quantities.ts";
import { type Finding, Findings } from "./finding.ts";
import type { Machine } from "./machine.ts";

const REFUSED_MS = 15 * 60_000;
const NOTABLE_MS = 60_000;
/** A file this far in the future was not made by a clock of a neighbouring time zone's mistake. */
const FUTURE_MS = 24 * 3_600_000;

const SET_IT = "have it set over the network: timedatectl set-ntp true";

/** `files`: some that were written on this machine, of which none can be from the future. */
export async function checkClock(
  machine: Machine,
  config: Config | undefined,
  files: readonly string[],
): Promise<readonly Finding[]> {
  const findings = new Findings("clock");
  const newestMs = Math.max(0, ...files.map((file) => machine.state(file)?.mtimeMs ?? 0));
  if (newestMs - machine.clock.wallMs() > FUTURE_MS) {
    findings.problem(
      `the clock says ${shownTime(machine.clock.wallMs())}, but there are files of ${shownTime(newestMs)}`,
      SET_IT,
    );
  }
  const servers = [...new Set(serversOf(config))];
  const skews = servers.map(async (url) => [url, await skewMs(machine, url, config)] as const);
  let asked = 0;
  for (const [url, skew] of await Promise.all(skews)) {
    if (skew === undefined) continue;
    asked++;
    const message = `the clock is ${shownDuration(Math.abs(skew) / 1000)} ${skew > 0 ? "fast" : "slow"} by that of ${url}`;
    if (Math.abs(skew) >= REFUSED_MS)
      findings.problem(`${message}, which refuses requests`, SET_IT);
    else if (Math.abs(skew) >= NOTABLE_MS) findings.warning(message, SET_IT);
  }
  const by =
    asked === 0
      ? ""
      : `, as ${asked === 1 ? "the" : `${asked}`} S3 server${asked === 1 ? "" : "s"} have it`;
  return findings.elseOk(`it is ${shownTime(machine.clock.wallMs())}${by}`);
}

function serversOf(config: Config | undefined): readonly string[] {
  return (config?.origins ?? []).flatMap((origin) =>
    origin.enabled && origin.originType === "s3" ? [serverOf(origin)] : [],
  );
}

function serverOf({ endpoint, region = "us-east-1" }: S3OriginSettings): string {
  return endpoint ?? `https://s3.${region}.amazonaws.com`;
}

/** How much this machine's clock is ahead, when the server was half-way asked. */
async function skewMs(
  { clock, serverTimeMs }: Machine,
  url: string,
  config: Config | undefined,
): Promise<number | undefined> {
  const beforeMs = clock.wallMs();
  const theirsMs = await serverTimeMs(url, config?.health.timeoutMs ?? 0);
  return theirsMs === undefined ? undefined : (beforeMs + clock.wallMs()) / 2 - theirsMs;
}

function shownTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
