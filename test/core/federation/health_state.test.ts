import { describe, expect, test } from "bun:test";
import { HealthState } from "../../../src/core/federation/health_state.ts";

const facts = ({ status, consecutiveFailures, reason }: HealthState) => [
  status,
  consecutiveFailures,
  reason,
];

describe("HealthState", () => {
  test("is unknown at first, then what the first probe says (F-5)", () => {
    const state = new HealthState(3);
    expect(facts(state)).toEqual(["unknown", 0, undefined]);
    state.probeOk();
    expect(facts(state)).toEqual(["healthy", 0, undefined]);
  });

  test("failures degrade below the threshold and make unhealthy from it on (F-6)", () => {
    const state = new HealthState(3);
    state.failure("one");
    expect(facts(state)).toEqual(["degraded", 1, "one"]);
    state.failure("two");
    expect(facts(state)).toEqual(["degraded", 2, "two"]);
    state.failure("three");
    expect(facts(state)).toEqual(["unhealthy", 3, "three"]);
    state.failure("four");
    expect(facts(state)).toEqual(["unhealthy", 4, "four"]);
  });

  test("a threshold of 1 knows no degraded by failure (F-6)", () => {
    const state = new HealthState(1);
    state.failure("gone");
    expect(facts(state)).toEqual(["unhealthy", 1, "gone"]);
  });

  test("one success resets, whether a probe's or a read's (F-6)", () => {
    for (const succeed of [(s: HealthState) => s.probeOk(), (s: HealthState) => s.goodRead()]) {
      const state = new HealthState(2);
      state.failure("x");
      state.failure("x");
      succeed(state);
      expect(facts(state)).toEqual(["healthy", 0, undefined]);
      state.failure("again");
      expect(facts(state)).toEqual(["degraded", 1, "again"]);
    }
  });

  test("a degraded probe keeps the failures, which go on counting from there (F-5)", () => {
    const state = new HealthState(3);
    for (const reason of ["1", "2", "3"]) state.failure(reason);
    state.probeDegraded("rebuilding");
    expect(facts(state)).toEqual(["degraded", 3, "rebuilding"]);
    state.failure("4");
    expect(facts(state)).toEqual(["unhealthy", 4, "4"]);
  });

  test("a good read does not hide what the probe called degraded", () => {
    const state = new HealthState(3);
    state.probeDegraded("rebuilding");
    state.failure("lost");
    state.goodRead();
    expect(facts(state)).toEqual(["degraded", 0, "rebuilding"]);
    state.probeOk();
    expect(facts(state)).toEqual(["healthy", 0, undefined]);
  });

  test("refuses thresholds below 1", () => {
    for (const wrong of [0, -1, 1.5]) expect(() => new HealthState(wrong)).toThrow(`${wrong}`);
  });
});
