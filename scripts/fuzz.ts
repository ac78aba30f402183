/**
 * Throws mutated inputs at everything that takes bytes from outside (test/fuzz):
 *
 *   npm run fuzz -- [--minutes N] [--seed S] [--target X] [--inputs N]
 *
 * Default: one minute, divided among all targets, from a seed of the clock. Ends with status 1 when one
 * fails, with what repeats it and the shortest input that still does; kept in test/fuzz/corpus/TARGET/NAME
 * it becomes a test.
 */
import { parseArgs } from "node:util";
import { fuzz } from "../test/fuzz/fuzz.ts";
import { FUZZ_TARGETS } from "../test/fuzz/targets.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    seed: { type: "string" },
    target: { type: "string" },
    inputs: { type: "string" },
  },
});

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

/** A number from 0 on, or the default; anything else ends the program. */
function numberOf(flag: "minutes" | "seed" | "inputs", byDefault: number): number {
  const text = values[flag];
  const value = text === undefined ? byDefault : Number(text);
  return value >= 0 ? value : fail(`--${flag} must be a number from 0 on: ${text}`);
}

const { target: wanted } = values;
const targets = FUZZ_TARGETS.filter(({ name }) => wanted === undefined || name === wanted);
if (targets.length === 0) {
  fail(`--target must be one of ${FUZZ_TARGETS.map(({ name }) => name).join(", ")}`);
}
const seed = Math.floor(numberOf("seed", Date.now() % 1e9));
const inputs = Math.floor(numberOf("inputs", Number.MAX_SAFE_INTEGER - seed));
// So many inputs are enough, however long they take.
const minutes = numberOf("minutes", values.inputs === undefined ? 1 : Number.POSITIVE_INFINITY);
const eachMs = (minutes * 60_000) / targets.length;

console.log(`from seed ${seed}`);
let sum = 0;
let failed = false;
for (const target of targets) {
  const startMs = performance.now();
  const goOn = () => performance.now() < startMs + eachMs;
  const { inputs: taken, failure } = await fuzz(target, { seed, inputs, goOn });
  const seconds = (performance.now() - startMs) / 1000;
  sum += taken;
  console.log(`${target.name}: ${taken} inputs in ${seconds.toFixed(1)} s`);
  if (failure === undefined) continue;
  failed = true;
  console.error(`${target.name} failed at seed ${failure.seed}: ${Bun.inspect(failure.error)}`);
  console.error(
    `repeat it: npm run fuzz -- --target ${target.name} --seed ${failure.seed} --inputs 1`,
  );
  console.error(`its input: ${JSON.stringify(Buffer.from(failure.input).toString("latin1"))}`);
  console.error(`as base64: ${Buffer.from(failure.input).toString("base64")}`);
}
console.log(`${sum} inputs, ${failed ? "and not all was well" : "no promise was broken"}`);
process.exit(failed ? 1 : 0);
