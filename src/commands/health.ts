/** `musicfs health`: one look at every origin. */

import type { Command } from "commander";
import { systemClock } from "../core/clock.ts";
import type { Config, OriginSettings } from "../core/config/config.ts";
import { findOrigin, noSuchOrigin } from "../core/config/find.ts";
import { loadConfig } from "../core/config/load.ts";
import type { OriginAnswer } from "../core/control/answers.ts";
import type { CacheUsageAnswer } from "../core/control/cache_answers.ts";
import type { ControlClient } from "../core/control/client.ts";
import { mountOfCache } from "../core/control/find_mount.ts";
import { originJson } from "../core/control/origin_json.ts";
import { OwnError } from "../core/errors.ts";
import type { HealthStatus } from "../core/events.ts";
import { overallStatus, surveyOrigins } from "../core/federation/survey.ts";
import { openStandalone } from "../core/origins/standalone.ts";
import { action, contextOf } from "./context.ts";
import { degradedCacheText } from "./degraded_cache.ts";
import { EXIT, type ExitCode } from "./exit_code.ts";
import { watchHealth } from "./health_watch.ts";
import { keptUsage } from "./kept_usage.ts";
import { print, printJson } from "./output.ts";
import { reasonFor } from "./reason.ts";
import { type Cell, type Colour, hasColours, table } from "./table.ts";

const EXIT_CODES: Readonly<Record<HealthStatus, ExitCode>> = {
  healthy: 0,
  degraded: 1,
  unhealthy: 2,
  unknown: 3,
};

export const COLOURS: Readonly<Record<HealthStatus, Colour>> = {
  healthy: "green",
  degraded: "yellow",
  unhealthy: "red",
  unknown: "dim",
};

const HELP = `
A running mount is asked: it checks its origins all the time. Without one every enabled origin is checked
at once, and one that fails is tried again up to its threshold.

With --watch, on a terminal: a live view of the running mount, of its origins, of which of them serves
what is read, and of what happens; without a mount, of the configured origins. Elsewhere: the state
and then every event, a JSON object a line.

A running mount's cache that keeps nothing for now is told, too, and changes no exit code: files are
read without it.

Exit codes: 0 all healthy, 1 some degraded, 2 some or all unhealthy, 3 unknown, wrong usage or
configuration.

Examples:
  musicfs health
  musicfs health --watch
  musicfs health nas || systemctl restart mnt-nas.mount
  musicfs health --json | jq -r '.origins[] | select(.status != "healthy") | .id'`;

export function setUp(command: Command): void {
  command
    .argument("[id]", "only this origin")
    .option("--check", "have a running mount check now, rather than tell what it knows")
    .option("--watch", "watch on, until q or ctrl-c")
    .option("--mount-point <path>", "watch the mount there")
    .addHelpText("after", HELP)
    .action(
      action(async (id: string | undefined, { check, watch, mountPoint }: HealthFlags) => {
        const { around, flags, json } = contextOf(command);
        if (watch) {
          if (id !== undefined) throw new OwnError("usage", "--watch shows all origins: press /");
          await watchHealth(contextOf(command), mountPoint);
          return EXIT.done;
        }
        const { config } = await loadConfig(flags, around);
        const chosen = id === undefined ? config.origins : [findOrigin(config, id)];
        using mount = await mountOfCache(config.cacheDir, around);
        const origins = await (mount === undefined
          ? survey(chosen, config)
          : asked(mount.client, id, check === true));
        const status = overallStatus(origins);
        const cache = mount?.status.cache ?? null;
        if (json) printJson({ status, origins, cache });
        else print(healthText(origins, cache, hasColours(around.env)));
        return EXIT_CODES[status];
      }),
    );
}

function healthText(
  origins: readonly OriginAnswer[],
  cache: CacheUsageAnswer | null,
  colours: boolean,
): string {
  if (origins.length === 0) return "no origin is configured; add one with: musicfs origins add";
  const lines = degradedCacheText(cache).map((line) => `\n\n${line}`);
  return `${table(HEADER, origins.map(row), colours)}${lines.join("")}`;
}

async function survey(
  chosen: readonly OriginSettings[],
  config: Config,
): Promise<readonly OriginAnswer[]> {
  const open = (settings: OriginSettings) => openStandalone(settings, systemClock);
  const found = await surveyOrigins(chosen, config.health, { clock: systemClock, open });
  const usage = await keptUsage(config);
  return found.map((report) => originJson({ ...report, usage: usage(report.id, report.type) }));
}

/** What a mount says of its origins, which may be others than the file's by now. */
async function asked(
  client: ControlClient,
  id: string | undefined,
  check: boolean,
): Promise<readonly OriginAnswer[]> {
  const known = (await client.origins()).origins.map(({ settings: _, ...origin }) => origin);
  const chosen = id === undefined ? known : known.filter((origin) => origin.id === id);
  if (id !== undefined && chosen.length === 0) {
    throw noSuchOrigin(
      id,
      known.map((origin) => origin.id),
    );
  }
  if (!check) return chosen;
  return await Promise.all(
    chosen.map((origin) => (origin.enabled ? client.check(origin.id) : origin)),
  );
}

interface HealthFlags {
  readonly check?: true;
  readonly watch?: true;
  readonly mountPoint?: string;
}

const HEADER = ["ORIGIN", "TYPE", "PRIORITY", "STATUS", "FAILURES", "LATENCY", "REASON"];

function row(origin: OriginAnswer): readonly (string | Cell)[] {
  const { id, type, priority, enabled, status, last_latency_ms, last_error } = origin;
  return [
    id,
    type,
    { text: String(priority), right: true },
    { text: enabled ? status : "disabled", colour: COLOURS[status] },
    { text: enabled ? `${origin.consecutive_failures}/${origin.threshold}` : "", right: true },
    { text: last_latency_ms === null ? "" : shownMs(last_latency_ms), right: true },
    last_error === null ? "" : reasonFor(id, last_error),
  ];
}

function shownMs(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}
