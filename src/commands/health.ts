/** `musicfs health`: one look at every origin. */

import type { Command } from "commander";
import { systemClock } from "../core/clock.ts";
import { findOrigin } from "../core/config/find.ts";
import { loadConfig } from "../core/config/load.ts";
import { originJson } from "../core/control/origin_json.ts";
import type { HealthStatus } from "../core/events.ts";
import type { OriginReport } from "../core/federation/federation.ts";
import { overallStatus, surveyOrigins } from "../core/federation/survey.ts";
import { openStandalone } from "../core/origins/standalone.ts";
import { action, contextOf } from "./context.ts";
import type { ExitCode } from "./exit_code.ts";
import { print, printJson } from "./output.ts";
import { reasonFor } from "./reason.ts";
import { type Cell, type Colour, hasColours, table } from "./table.ts";

const EXIT_CODES: Readonly<Record<HealthStatus, ExitCode>> = {
  healthy: 0,
  degraded: 1,
  unhealthy: 2,
  unknown: 3,
};

const COLOURS: Readonly<Record<HealthStatus, Colour>> = {
  healthy: "green",
  degraded: "yellow",
  unhealthy: "red",
  unknown: "dim",
};

const HELP = `
Every enabled origin is checked at once; one that fails is tried again up to its threshold.

Exit codes: 0 all healthy, 1 some degraded, 2 some or all unhealthy, 3 unknown, wrong usage or
configuration.

Examples:
  musicfs health
  musicfs health nas || systemctl restart mnt-nas.mount
  musicfs health --json | jq -r '.origins[] | select(.status != "healthy") | .id'`;

export function setUp(command: Command): void {
  command
    .argument("[id]", "only this origin")
    .addHelpText("after", HELP)
    .action(
      action(async (id: string | undefined) => {
        const { around, flags, json } = contextOf(command);
        const { config } = await loadConfig(flags, around);
        const chosen = id === undefined ? config.origins : [findOrigin(config, id)];
        const open = (settings: (typeof chosen)[number]) => openStandalone(settings, systemClock);
        const found = await surveyOrigins(chosen, config.health, { clock: systemClock, open });
        const status = overallStatus(found);
        if (json) printJson({ status, origins: found.map(originJson) });
        else if (found.length === 0)
          print("no origin is configured; add one with: musicfs origins add");
        else print(table(HEADER, found.map(row), hasColours(around.env)));
        return EXIT_CODES[status];
      }),
    );
}

const HEADER = ["ORIGIN", "TYPE", "PRIORITY", "STATUS", "FAILURES", "LATENCY", "REASON"];

function row(origin: OriginReport): readonly (string | Cell)[] {
  const { id, type, priority, enabled, status, lastLatencyMs, lastError } = origin;
  const latency = lastLatencyMs === undefined ? "" : shownMs(lastLatencyMs);
  return [
    id,
    type,
    { text: String(priority), right: true },
    { text: enabled ? status : "disabled", colour: COLOURS[status] },
    { text: enabled ? `${origin.consecutiveFailures}/${origin.threshold}` : "", right: true },
    { text: latency, right: true },
    lastError === undefined ? "" : reasonFor(id, lastError),
  ];
}

function shownMs(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}
