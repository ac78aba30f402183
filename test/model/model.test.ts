/**
 * Random histories of the whole program against what must always hold (see docs/reliability.md).
 * `npm run torture` plays more of them.
 */

import { expect, test } from "bun:test";
import { describeFailure, torture } from "./torture.ts";

const HISTORIES = 200;
/** Real time; a machine that is busy takes several times as long as an idle one. */
const TIMEOUT_MS = 120_000;

for (const fromSeed of [1, 1_000_001, 2_000_001]) {
  test(
    `${HISTORIES} random histories from seed ${fromSeed} break no rule (F-1, F-3, F-4, F-8, F-9, NFR-7.2, NFR-7.3)`,
    async () => {
      const { sums, failure } = await torture({ fromSeed, histories: HISTORIES });
      expect(failure === undefined ? "" : describeFailure(failure)).toBe("");
      expect(sums.histories).toBe(HISTORIES);
      // Each class of reads was met, or nothing was said of it.
      expect(sums.reads.exact).toBeGreaterThan(500);
      expect(sums.reads.wrong).toBe(0);
    },
    TIMEOUT_MS,
  );
}
