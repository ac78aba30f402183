import { describe, expect, test } from "bun:test";
import type { HealthSettings, LocalOriginSettings } from "../../../src/core/config/config.ts";
import { OriginError } from "../../../src/core/errors.ts";
import { overallStatus, surveyOrigins } from "../../../src/core/federation/survey.ts";
import type { Origin, OriginId, ProbeResult } from "../../../src/core/origins/origin.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const HEALTH: HealthSettings = {
  checkIntervalSecs: 30,
  timeoutMs: 5000,
  unhealthyThreshold: 3,
  perOriginThresholds: { local: 3 },
};

function settings(id: string, enabled = true): LocalOriginSettings {
  return { id: id as OriginId, originType: "local", enabled } as LocalOriginSettings;
}

/** Origins that answer their probes by `answer`, which counts them from 1. */
function probed(answer: (count: number, signal?: AbortSignal) => Promise<ProbeResult>) {
  const counts = { probes: 0, closed: 0 };
  const open = async ({ id }: { readonly id: OriginId }) =>
    ({
      id,
      type: "local",
      probe: (signal?: AbortSignal) => answer(++counts.probes, signal),
      close: async () => void counts.closed++,
    }) as unknown as Origin;
  return { counts, open };
}

const failing = () => Promise.reject(new OriginError("connection", "a", "", "refused"));

describe("surveyOrigins()", () => {
  test("tries a failing origin at once up to its threshold (F-6)", async () => {
    const clock = new VirtualClock();
    const { counts, open } = probed(failing);
    const [found] = await surveyOrigins([settings("a")], HEALTH, { clock, open });
    expect(found).toMatchObject({
      status: "unhealthy",
      consecutiveFailures: 3,
      threshold: 3,
      lastError: "origin a: refused",
    });
    expect(counts).toEqual({ probes: 3, closed: 1 });
    expect(clock.pendingTimers).toBe(0);
  });

  test("stops at the first success, which resets", async () => {
    const clock = new VirtualClock();
    const { counts, open } = probed((count) =>
      count < 2 ? failing() : Promise.resolve({ status: "ok" }),
    );
    const [found] = await surveyOrigins([settings("a")], HEALTH, { clock, open });
    expect(found).toMatchObject({
      status: "healthy",
      consecutiveFailures: 0,
      lastError: undefined,
    });
    expect(found?.lastLatencyMs).toBe(0);
    expect(counts).toEqual({ probes: 2, closed: 1 });
  });

  test("takes a degraded origin at its word", async () => {
    const clock = new VirtualClock();
    const { open } = probed(() => Promise.resolve({ status: "degraded", reason: "disk is full" }));
    const found = await surveyOrigins([settings("a")], HEALTH, { clock, open });
    expect(found[0]).toMatchObject({ status: "degraded", lastError: "disk is full" });
    expect(overallStatus(found)).toBe("degraded");
  });

  test("gives up an origin that hangs after threshold times the time-out, without delaying others (F-5)", async () => {
    const clock = new VirtualClock();
    const hanging = probed(() => new Promise<never>(() => undefined));
    const good = probed(() => Promise.resolve({ status: "ok" }));
    const open = (each: { readonly id: OriginId }) =>
      each.id === "a" ? hanging.open(each) : good.open(each);
    const startedMs = clock.monotonicMs();
    const survey = surveyOrigins([settings("a"), settings("b")], HEALTH, { clock, open });
    await clock.advance(15_000);
    const found = await survey;
    expect(found.map(({ status }) => status)).toEqual(["unhealthy", "healthy"]);
    expect(clock.monotonicMs() - startedMs).toBe(15_000);
    expect(good.counts.probes).toBe(1);
    expect(overallStatus(found)).toBe("unhealthy");
  });

  test("leaves disabled origins alone, and reports those that cannot be opened", async () => {
    const clock = new VirtualClock();
    const open = () => Promise.reject(new Error("no such bucket"));
    const found = await surveyOrigins([settings("a", false), settings("b")], HEALTH, {
      clock,
      open,
    });
    expect(found[0]).toMatchObject({
      status: "unknown",
      consecutiveFailures: 0,
      lastError: undefined,
    });
    expect(found[1]).toMatchObject({
      status: "unhealthy",
      consecutiveFailures: 3,
      lastError: "no such bucket",
    });
    expect(overallStatus(found.slice(0, 1))).toBe("unknown");
    expect(overallStatus([])).toBe("unknown");
  });
});
