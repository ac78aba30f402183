import { describe, expect, test } from "bun:test";
import { failSyscalls, SYSCALL_FAULTS } from "./failing_libc.ts";
import { LONG_TEST_MS, tryPoints } from "./points.ts";
import { tell } from "./scenario.ts";
import { Strikes } from "./strikes.ts";

describe("a system call that fails", () => {
  test.each(SYSCALL_FAULTS)(
    "with $name does no harm, whichever it is",
    async (fault) => {
      const { stories, failures } = await tryPoints({
        faults: [fault],
        stride: fault.name === "EIO" ? 4 : 8,
        tell: (_, strikes) =>
          tell({ arm: () => failSyscalls(fault, strikes), hides: fault.hides === true }),
      });
      expect(failures).toEqual([]);
      expect(stories).toBeGreaterThan(4);
    },
    LONG_TEST_MS,
  );

  test("is missed by nobody when none does", async () => {
    const strikes = new Strikes({ nth: -1 });
    const arm = () => failSyscalls({ name: "EIO" }, strikes);
    expect(await tell({ arm, mustSucceed: true })).toEqual([]);
    expect(strikes.count).toBeGreaterThan(200);
  });
});
