import { describe, expect, test } from "bun:test";
import type { Clock } from "../../src/core/clock.ts";
import { ORIGIN_ERRORS, type OriginErrorCode } from "../../src/core/errors.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import { type Fault, FaultPlan } from "../../src/core/origins/wrappers/faults.ts";
import { BACKUP, NAS } from "./library.ts";
import { LONG_TEST_MS, tryPoints } from "./points.ts";
import { tell } from "./scenario.ts";
import type { Strikes } from "./strikes.ts";

/** These say that something is not there, or is something else. */
const HIDING: readonly OriginErrorCode[] = [
  "not_found",
  "not_a_directory",
  "not_a_file",
  "is_a_directory",
];

const ERRORS = (Object.keys(ORIGIN_ERRORS) as OriginErrorCode[]).map((code) => ({
  name: code as string,
  fault: { kind: "error", code } as Fault,
  hides: HIDING.includes(code),
}));

const OTHERS = [
  { name: "a hang", fault: { kind: "hang" } as Fault, hides: false },
  { name: "three seconds' delay", fault: { kind: "slow", delayMs: 3000 } as Fault, hides: false },
  { name: "a short read", fault: { kind: "short", lengthBytes: 7 } as Fault, hides: false },
  { name: "a wrong size", fault: { kind: "wrong_size", byBytes: 1 } as Fault, hides: false },
  {
    name: "a listing cut short",
    fault: { kind: "cut_listing", afterPages: 0, code: "connection" } as Fault,
    hides: false,
  },
];

/** Strikes as planned, whatever the call. */
class StrikingPlan extends FaultPlan {
  constructor(
    clock: Clock,
    readonly fault: Fault,
    readonly strikes: Strikes,
  ) {
    super(clock);
  }

  override strike(kind: string): Fault[] {
    return this.strikes.next(kind) ? [this.fault] : [];
  }
}

/** Both origins go through the main thread, one of them with the failure. */
function arm(clock: Clock, failing: OriginId, fault: Fault, strikes: Strikes) {
  const plans = [NAS, BACKUP].map((id) => {
    const plan = id === failing ? new StrikingPlan(clock, fault, strikes) : new FaultPlan(clock);
    return [id, plan] as const;
  });
  return { origins: new Map(plans), [Symbol.dispose]: () => strikes.lift() };
}

describe.each([NAS, BACKUP])("a call to origin %s that fails", (failing) => {
  test.each([...ERRORS, ...OTHERS])(
    "with $name does no harm, whichever it is",
    async (each) => {
      const { stories, failures } = await tryPoints({
        faults: [each],
        stride: 8,
        tell: ({ fault, hides }, strikes) =>
          tell({ arm: (clock) => arm(clock, failing, fault, strikes), hides }),
      });
      expect(failures).toEqual([]);
      expect(stories).toBeGreaterThan(3);
    },
    LONG_TEST_MS,
  );
});
