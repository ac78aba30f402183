import { describe, expect, test } from "bun:test";
import { failingStatements, SQLITE_FAULTS } from "./failing_sqlite.ts";
import { LONG_TEST_MS, tryPoints } from "./points.ts";
import { tell } from "./scenario.ts";

describe("a step of SQLite that fails", () => {
  test.each(SQLITE_FAULTS)(
    "with $name does no harm, whichever it is",
    async (fault) => {
      const { stories, failures } = await tryPoints({
        faults: [fault],
        stride: 16,
        tell: (_, strikes) =>
          tell({
            arm: () => ({
              statements: failingStatements(fault, strikes),
              [Symbol.dispose]: () => strikes.lift(),
            }),
          }),
      });
      expect(failures).toEqual([]);
      expect(stories).toBeGreaterThan(45);
    },
    LONG_TEST_MS,
  );
});
