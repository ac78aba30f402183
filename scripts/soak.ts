/**
 * Keeps a mount of dist/musicfs under load, and says whether it grows (test/e2e/soak):
 *
 *   npm run soak -- [--minutes N] [--seed S]
 *
 * Default: ten minutes. Needs root. Ends with status 1 on a wrong byte, when resident memory after a
 * forced collection grows by more than 1 MiB a minute over the last half, or when descriptors,
 * sockets, threads or processes are more than before.
 */
import { parseArgs } from "node:util";
import { soak } from "../test/e2e/soak/soak.ts";

/** MiB a minute. */
const MOST_GROWTH = 1;
const DEFAULT_MINUTES = 10;
/** A wrong use of the command line. */
const USAGE = 2;

const { values } = parseArgs({
  options: { minutes: { type: "string" }, seed: { type: "string" } },
});

const minutes = numberOf("minutes", DEFAULT_MINUTES);
const seed = Math.floor(numberOf("seed", Date.now() % 1e9));

process.chdir(`${import.meta.dir}/..`);
const build = Bun.spawnSync([process.execPath, "scripts/build.ts"]);
if (build.exitCode !== 0) throw new Error(build.stderr.toString());
console.log(`${minutes} minutes, seed ${seed}`);
const { done, residentMib, growthMibPerMinute, before, after } = await soak(
  minutes * 60,
  seed,
  console.log,
);
console.log(
  `${done.reads} reads without a wrong byte, ${done.flaps} failures of origins, ` +
    `${done.guests} origins added and removed, ${done.scans} scans`,
);
console.log(`answered with errors: ${JSON.stringify(done.errors)}`);
console.log(`held before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`);
const [first, last] = [residentMib[0]?.value ?? 0, residentMib.at(-1)?.value ?? 0];
console.log(
  `resident memory from ${first.toFixed(1)} to ${last.toFixed(1)} MiB, ` +
    `over the last half ${growthMibPerMinute.toFixed(2)} MiB a minute`,
);
if (growthMibPerMinute > MOST_GROWTH) {
  console.error(`it grows by more than ${MOST_GROWTH} MiB a minute`);
  process.exit(1);
}

/** A number above 0, or the default; anything else ends the program. */
function numberOf(flag: "minutes" | "seed", byDefault: number): number {
  const text = values[flag];
  const value = text === undefined ? byDefault : Number(text);
  if (text !== "" && value > 0) return value;
  console.error(`--${flag} must be a number above 0: ${text}`);
  process.exit(USAGE);
}
