/**
 * Random histories of the whole program against what must always hold (see promises.ts). These are
 * a few; `histories.test.ts` plays a thousand more, and `npm run torture` as many as one likes.
 */

import { expect, test } from "bun:test";
import { describeFailure, torture } from "./torture.ts";

const HISTORIES = 50;
/** Real time; a machine that is busy takes many times as long as an idle one. */
const TIMEOUT_MS = 120_000;

for (const fromSeed of [1, 1_000_001]) {
  test(
    `${HISTORIES} random histories from seed ${fromSeed} break no promise (F-1, F-3, F-4, F-8, F-9, NFR-7.2, NFR-7.3)`,
    async () => {
      const { sums, failure } = await torture({ fromSeed, histories: HISTORIES });
      expect(failure === undefined ? "" : describeFailure(failure)).toBe("");
      expect(sums.histories).toBe(HISTORIES);
      // Something was read, or nothing was said of it.
      expect(sums.reads.proved).toBeGreaterThan(100);
      expect(sums.reads.wrong).toBe(0);
    },
    TIMEOUT_MS,
  );
}
