import { failed, type Tally } from "./tally.ts";

/** A step of the gate: formatting, types, one set of tests, … */
export interface Stage {
  readonly name: string;
  run(): Promise<Tally>;
}

/** Where a stage stands in the summary. */
export interface StageResult {
  readonly name: string;
  readonly seconds: number;
  readonly tally: Tally;
}

/** Runs one stage and prints how it went and how long it took. A stage that throws has failed. */
export async function runStage(stage: Stage, print: (line: string) => void): Promise<StageResult> {
  const start = performance.now();
  print(`── ${stage.name}`);
  const tally = await stage
    .run()
    .catch((error: unknown) =>
      failed(`${stage.name}: ${error instanceof Error ? error.stack : error}`),
    );
  const seconds = (performance.now() - start) / 1000;
  const counts = [
    `${tally.passed} passed`,
    ...(tally.failed.length > 0 ? [`${tally.failed.length} FAILED`] : []),
    ...(tally.skipped.length > 0 ? [`${tally.skipped.length} skipped`] : []),
  ];
  print(`   ${stage.name}: ${counts.join(", ")} in ${seconds.toFixed(1)} s`);
  return { name: stage.name, seconds, tally };
}

/** The summary's lines: time and counts of every stage, then what failed and what was left out. */
export function summary(results: readonly StageResult[]): readonly string[] {
  const width = Math.max(...results.map(({ name }) => name.length));
  return [
    "── summary",
    ...results.map(({ name, seconds, tally }) => {
      const state = tally.failed.length > 0 ? "FAILED" : "ok";
      return `   ${name.padEnd(width)}  ${seconds.toFixed(1).padStart(6)} s  ${state}`;
    }),
    ...results.flatMap(({ tally }) => tally.skipped.map((title) => `skipped: ${title}`)),
    ...results.flatMap(({ tally }) => tally.failed.map((line) => `failed: ${line}`)),
  ];
}
