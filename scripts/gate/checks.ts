/** The stages that look at the source without running it. */
import { runCommand } from "./command.ts";
import type { Stage } from "./stage.ts";
import { failed, passed } from "./tally.ts";

const DEADLINE_MS = 120_000;

/** A stage that runs one command, and passes when that exits with 0. */
export function commandStage(name: string, command: readonly [string, ...string[]]): Stage {
  return {
    name,
    async run() {
      const { status, timedOut } = await runCommand(command, { deadlineMs: DEADLINE_MS });
      if (status === 0) return passed();
      return failed(
        `${name}: ${timedOut ? "took too long" : `exit status ${status}`} (${command.join(" ")})`,
      );
    },
  };
}

const bun = process.execPath;

export const SOURCE_CHECKS: readonly Stage[] = [
  commandStage("format", ["node_modules/.bin/biome", "format", "."]),
  commandStage("lint", ["node_modules/.bin/biome", "check", "--formatter-enabled=false", "."]),
  commandStage("types", [bun, "node_modules/typescript/bin/tsc", "-p", "."]),
  commandStage("structure", [bun, "scripts/structure.ts"]),
];
