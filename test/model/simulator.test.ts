/** The simulator itself: a history repeats, a failing one becomes short, and seeded bugs are found. */

import { describe, expect, test } from "bun:test";
import { generate } from "./generate.ts";
import type { History } from "./operations.ts";
import { play } from "./play.ts";
import { type BugName, SEEDED_BUGS } from "./seeded_bugs.ts";
import { shrink } from "./shrink.ts";
import { torture } from "./torture.ts";

/** Real time; a machine that is busy takes many times as long as an idle one. */
const TIMEOUT_MS = 120_000;
/** Played from the recorded seed on: with another generator the bug may come some histories later. */
const HISTORIES = 300;

/** Found by `npm run torture -- --bug all --seed 1`. */
const SEEDS: Record<BugName, number> = {
  "a dropped retry": 18,
  "a delay that is not the one": 18,
  "a replica that is not proved": 1,
  "a second replica forgotten": 73,
  "a priority compared the wrong way round": 17,
  "a listing error taken for the end of a directory": 32,
  "absence taken for deletion": 2,
  "a missing invalidation": 33,
  "pages that stay": 1,
  "a leaked handle": 1,
  "an off-by-one at a file's end": 1,
  "a read of whatever is there": 1,
  "a read past its deadline": 4,
  "a short answer": 1,
  "a removed origin that is still asked": 3,
  "an event told twice": 2,
  "bytes kept under the name of another version": 2,
  "checksums that nobody looks at": 40,
  "a block read from another's place": 38,
  "a cache that is not asked": 38,
  "a budget that is not kept": 21,
  "a version that stays open": 2,
};

/** All that happened, as one text. */
async function traceOf(history: History): Promise<string> {
  const lines: string[] = [];
  await play(history, { trace: (line) => void lines.push(line) });
  return lines.join("\n");
}

describe("the simulator", () => {
  test(
    "plays a history the same way each time",
    async () => {
      for (const seed of [11, 12, 13]) {
        const history = generate(seed);
        const trace = await traceOf(history);
        expect(trace.length).toBeGreaterThan(1000);
        expect(await traceOf(history)).toBe(trace);
      }
    },
    TIMEOUT_MS,
  );

  test("makes a history short", async () => {
    const history = generate(5);
    const opens = ({ operations }: History) => operations.filter(({ do: verb }) => verb === "open");
    expect(opens(history).length).toBeGreaterThan(2);
    const short = await shrink(history, async (shorter) => opens(shorter).length >= 2);
    expect(short.operations.map(({ do: verb }) => verb)).toEqual(["open", "open"]);
    expect(short.setup.origins.length).toBe(0);
  });

  for (const [name, { breaks, sabotage }] of Object.entries(SEEDED_BUGS)) {
    test(
      `finds ${name}`,
      async () => {
        const fromSeed = SEEDS[name as BugName];
        const options = { fromSeed, histories: HISTORIES, sabotage, shrinks: false };
        const { failure } = await torture(options);
        expect(breaks as readonly (string | undefined)[]).toContain(failure?.promise);
      },
      TIMEOUT_MS,
    );
  }
});
