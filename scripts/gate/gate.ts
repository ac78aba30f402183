import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { runStage, type Stage, type StageResult, summary } from "./stage.ts";
import { sum, tallyLine } from "./tally.ts";

/** Where the last run's counts are kept, for .ci/run. */
const TALLY_FILE = "test-report/tally";

/**
 * Runs the stages one after the other, all of them whatever fails, prints a summary, and returns the exit status:
 * 0 only when something ran and nothing failed.
 */
export async function runGate(stages: readonly Stage[]): Promise<number> {
  rmSync(TALLY_FILE, { force: true });
  const results: StageResult[] = [];
  for (const stage of stages) results.push(await runStage(stage, console.log));
  for (const line of summary(results)) console.log(line);
  const tally = sum(results.map((result) => result.tally));
  mkdirSync(dirname(TALLY_FILE), { recursive: true });
  writeFileSync(TALLY_FILE, `${tallyLine(tally)}\n`);
  return tally.passed > 0 && tally.failed.length === 0 ? 0 : 1;
}
