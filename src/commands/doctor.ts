/** `musicfs doctor`: what stands in the way of a mount, and what to do about it. */

import type { Command } from "commander";
import { examine } from "../core/doctor/doctor.ts";
import { type Finding, type FindingStatus, overallFinding } from "../core/doctor/finding.ts";
import { thisMachine } from "../core/doctor/machine.ts";
import { action, contextOf } from "./context.ts";
import { EXIT, type ExitCode } from "./exit_code.ts";
import { print, printJson } from "./output.ts";
import { type Cell, type Colour, hasColours, table } from "./table.ts";

const HELP = `
Looks at FUSE, limits, sockets, the configuration, the cache's disk, the clock, and for each enabled
origin at its secrets, its host key and whether it answers. Nothing is changed.

Exit codes: 0 nothing is in the way (warnings may be), 1 a mount would not work, 2 the configuration is
wrong, 3 only some origin does not work.

Examples:
  musicfs doctor
  musicfs doctor --json | jq -r '.findings[] | select(.status != "ok") | .remedy'
  sudo -u musicfs musicfs doctor --config /etc/musicfs/config.toml     as the user of the service`;

export function setUp(command: Command): void {
  command.addHelpText("after", HELP).action(
    action(async () => {
      const { around, flags, json } = contextOf(command);
      const findings = await examine(flags, around, thisMachine);
      if (json)
        printJson({ status: overallFinding(findings), findings: findings.map(findingJson) });
      else print(table(HEADER, findings.flatMap(rows), hasColours(around.env)));
      return exitCode(findings);
    }),
  );
}

/** What is about one origin leaves the others working. */
function exitCode(findings: readonly Finding[]): ExitCode {
  const problems = findings.filter(({ status }) => status === "problem");
  if (problems.length === 0) return EXIT.done;
  if (problems.some(({ check }) => check === "configuration")) return EXIT.usage;
  return problems.some(({ origin }) => origin === undefined) ? EXIT.failed : EXIT.partly;
}

function findingJson({ check, status, origin = null, message, remedy = null }: FindingOrNull) {
  return { check, status, origin, message, remedy };
}

type FindingOrNull = Omit<Finding, "origin" | "remedy"> & {
  readonly origin?: string | null;
  readonly remedy?: string | null;
};

const HEADER = ["STATUS", "CHECK", "ORIGIN", "FOUND"];

const COLOURS: Readonly<Record<FindingStatus, Colour>> = {
  ok: "green",
  warning: "yellow",
  problem: "red",
};

/** Each line of a message is a row, and the remedy the last. */
function rows({
  check,
  status,
  origin = "",
  message,
  remedy,
}: Finding): readonly (string | Cell)[][] {
  const [first = "", ...others] = message.split("\n");
  return [
    [{ text: status, colour: COLOURS[status] }, check, origin, first],
    ...others.map((line) => ["", "", "", line]),
    ...(remedy === undefined ? [] : [["", "", "", `→ ${remedy}`]]),
  ];
}
