/**
 * Plays random histories of a whole MusicFS on virtual time (test/model):
 *
 *   npm run torture -- [--minutes N] [--seed S] [--histories N] [--trace]
 *   npm run torture -- --mount [...]
 *   npm run torture -- --bug NAME|all [--seed S]
 *
 * Ends at the first that breaks a promise, with its seed and the shortest history that does, or when
 * the time is up. Default: one minute, from a seed of the clock. `--trace` prints all that happens.
 * `--mount` plays them on the real mount of dist/musicfs over local directories, which needs root.
 * `--bug` puts a bug of test/model/seeded_bugs.ts in and searches for a history that finds it.
 */
import { parseArgs } from "node:util";
import { playMounted } from "../test/e2e/histories/play_mounted.ts";
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
    mount: { type: "boolean", default: false },
    trace: { type: "boolean", default: false },
  },
});

const fromSeed = Math.floor(numberOf("seed", Date.now() % 1e9));
const histories = Math.floor(numberOf("histories", Number.MAX_SAFE_INTEGER - fromSeed));
const minutes = numberOf("minutes", values.histories === undefined ? 1 : Number.MAX_SAFE_INTEGER);

console.log(`from seed ${fromSeed}`);
process.exit((await (values.bug === undefined ? search() : searchBugs(values.bug))) ? 0 : 1);

/** True when no promise is broken. */
async function search(): Promise<boolean> {
  const startMs = performance.now();
  let toldMs = startMs;
  const { sums, failure } = await torture({
    fromSeed,
    histories,
    goOn: () => performance.now() < startMs + minutes * MINUTE_MS,
    ...(values.mount ? { play: playMounted } : {}),
    ...(values.trace ? { trace: console.log } : {}),
    onPlayed(so) {
      if (performance.now() - toldMs < PROGRESS_MS) return;
      toldMs = performance.now();
      console.log(describe(so, startMs));
    },
  });
  console.log(describe(sums, startMs));
  const reads = Object.entries(sums.reads).map(([name, count]) => `${count} ${name}`);
  console.log(`reads: ${reads.join(", ")}`);
  console.log(failure === undefined ? "no promise was broken" : describeFailure(failure));
  return failure === undefined;
}

/** True when each is found within its time. */
async function searchBugs(wanted: string): Promise<boolean> {
  if (wanted !== "all" && bugNamed(wanted) === undefined) {
    refuse(`there is no bug "${wanted}":\n  ${Object.keys(SEEDED_BUGS).join("\n  ")}`);
  }
  let missed = 0;
  for (const [name, { sabotage }] of Object.entries(SEEDED_BUGS)) {
    if (wanted !== "all" && name !== wanted) continue;
    const startMs = performance.now();
    const goOn = () => performance.now() < startMs + minutes * MINUTE_MS;
    const { sums, failure } = await torture({
      fromSeed,
      histories,
      sabotage,
      goOn,
      shrinks: false,
    });
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    const took = `${sums.histories} histories, ${seconds} s`;
    if (failure === undefined) missed++;
    console.log(`"${name}": ${failure?.seed ?? "not found"}, // ${took}: ${failure?.message}`);
  }
  return missed === 0;
}

function describe({ histories: played, steps }: Sums, startMs: number): string {
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
