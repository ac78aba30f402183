/**
 * Five hundred more random histories of the whole program, from recorded seeds: the same ones each time.
 * `npm run torture` plays fresh ones.
 */

import { expect, test } from "bun:test";
import { describeFailure, torture } from "./torture.ts";

const HISTORIES = 100;
/** Real time; a machine that is busy takes many times as long as an idle one. */
const TIMEOUT_MS = 150_000;

for (const fromSeed of [2_000_001, 3_000_001, 4_000_001, 5_000_001, 6_000_001]) {
  test(
    `${HISTORIES} random histories from seed ${fromSeed} break no promise`,
    async () => {
      const { sums, failure } = await torture({ fromSeed, histories: HISTORIES });
      expect(failure === undefined ? "" : describeFailure(failure)).toBe("");
      expect(sums.histories).toBe(HISTORIES);
      expect(sums.reads.proved).toBeGreaterThan(150);
    },
    TIMEOUT_MS,
  );
}
