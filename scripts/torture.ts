/**
 * Plays random histories of a whole MusicFS on virtual time (test/model):
 *
 *   npm run torture -- [--minutes N] [--seed S] [--histories N]
 *
 * Ends at the first that breaks a rule, with its seed and the shortest history that does, or when the
 * time is up. Default: one minute, from a seed of the clock.
 */
import { parseArgs } from "node:util";
import { describeFailure, torture } from "../test/model/torture.ts";

const PROGRESS_MS = 10_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    seed: { type: "string" },
    histories: { type: "string" },
  },
});

/** A number from 0 on, or the default; anything else ends the program. */
function numberOf(flag: keyof typeof values, byDefault: number): number {
  const text = values[flag];
  const value = text === undefined ? byDefault : Number(text);
  if (value >= 0) return value;
  console.error(`--${flag} must be a number from 0 on: ${text}`);
  process.exit(2);
}

const fromSeed = Math.floor(numberOf("seed", Date.now() % 1e9));
const histories = Math.floor(numberOf("histories", Number.MAX_SAFE_INTEGER - fromSeed));
const byDefault = values.histories === undefined ? 1 : Number.MAX_SAFE_INTEGER;
const endMs = performance.now() + numberOf("minutes", byDefault) * 60_000;

console.log(`from seed ${fromSeed}`);
let toldMs = performance.now();
const { sums, failure } = await torture({
  fromSeed,
  histories,
  goOn: () => performance.now() < endMs,
  onPlayed(so) {
    if (performance.now() - toldMs < PROGRESS_MS) return;
    toldMs = performance.now();
    console.log(`${so.histories} histories, ${so.steps} steps`);
  },
});
const reads = Object.entries(sums.reads).map(([name, count]) => `${count} ${name}`);
console.log(`${sums.histories} histories, ${sums.steps} steps; reads: ${reads.join(", ")}`);
if (failure !== undefined) {
  console.error(describeFailure(failure));
  process.exit(1);
}
console.log("no rule was broken");
