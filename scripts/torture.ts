/**
 * Plays random histories of a whole MusicFS on virtual time (test/model):
 *
 *   npm run torture -- [--minutes N] [--seed S] [--histories N] [--bug NAME] [--trace]
 *
 * Ends at the first that breaks a promise, with its seed and the shortest history that does, or when
 * the time is up. Default: one minute, from a seed of the clock. `--bug` puts one of the bugs of
 * test/model/seeded_bugs.ts in and ends well when a history finds it. `--trace` prints each step.
 */
import { parseArgs } from "node:util";
import { bugNamed, SEEDED_BUGS } from "../test/model/seeded_bugs.ts";
import { describeFailure, type Sums, torture } from "../test/model/torture.ts";

const PROGRESS_MS = 10_000;
const MINUTE_MS = 60_000;
/** A wrong use of the command line. */
const USAGE = 2;

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    seed: { type: "string" },
    histories: { type: "string" },
    bug: { type: "string" },
    trace: { type: "boolean", default: false },
  },
});

const bug = values.bug === undefined ? undefined : bugNamed(values.bug);
if (values.bug !== undefined && bug === undefined) {
  refuse(`there is no bug "${values.bug}":\n  ${Object.keys(SEEDED_BUGS).join("\n  ")}`);
}
const fromSeed = Math.floor(numberOf("seed", Date.now() % 1e9));
const histories = Math.floor(numberOf("histories", Number.MAX_SAFE_INTEGER - fromSeed));
const minutes = numberOf("minutes", values.histories === undefined ? 1 : Number.MAX_SAFE_INTEGER);

console.log(`from seed ${fromSeed}`);
const startMs = performance.now();
let toldMs = startMs;
const { sums, failure } = await torture({
  fromSeed,
  histories,
  sabotage: bug?.sabotage ?? {},
  shrinks: bug === undefined,
  goOn: () => performance.now() < startMs + minutes * MINUTE_MS,
  ...(values.trace ? { trace: console.log } : {}),
  onPlayed(so) {
    if (performance.now() - toldMs < PROGRESS_MS) return;
    toldMs = performance.now();
    console.log(describe(so));
  },
});
console.log(describe(sums));
const reads = Object.entries(sums.reads).map(([name, count]) => `${count} ${name}`);
console.log(`reads: ${reads.join(", ")}`);
if (failure === undefined) console.log("no promise was broken");
else if (bug === undefined) console.log(describeFailure(failure));
else console.log(`the bug is found: seed ${failure.seed}: ${failure.message}`);
process.exit((failure === undefined) === (bug === undefined) ? 0 : 1);

function describe({ histories: played, steps }: Sums): string {
  const inMinutes = Math.max(1, performance.now() - startMs) / MINUTE_MS;
  const perMinute = (count: number) => Math.round(count / inMinutes);
  return `${played} histories, ${steps} steps: ${perMinute(played)} and ${perMinute(steps)} a minute`;
}

/** A number from 0 on, or the default; anything else ends the program. */
function numberOf(flag: "minutes" | "seed" | "histories", byDefault: number): number {
  const text = values[flag];
  const value = text === undefined ? byDefault : Number(text);
  if (text !== "" && value >= 0) return value;
  return refuse(`--${flag} must be a number from 0 on: ${text}`);
}

function refuse(message: string): never {
  console.error(message);
  process.exit(USAGE);
}
