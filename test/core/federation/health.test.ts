import { describe, expect, test } from "bun:test";
import { OriginError } from "../../../src/core/errors.ts";
import { type HealthHooks, HealthMonitor } from "../../../src/core/federation/health.ts";
import { SUSPECT_CHECK_INTERVAL_MS } from "../../../src/core/limits.ts";
import type { OriginType } from "../../../src/core/origins/origin.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";
import { deaf, fail, hang, ScriptedOrigin, slow } from "./scripted_origin.ts";
import { EventLog, HEALTH, id } from "./setting.ts";

function setUp(hooks: HealthHooks = {}) {
  const clock = new VirtualClock();
  const events = new EventLog();
  const monitor = new HealthMonitor(clock, events, HEALTH, hooks);
  const origin = (name: string, type: OriginType = "memory") =>
    new ScriptedOrigin(name, clock, type);
  return { clock, events, monitor, origin };
}

const lost = (origin: ScriptedOrigin) => new OriginError("connection", origin.id, "", "lost");

describe("HealthMonitor checks", () => {
  test("an origin at once when it is added, and then every 30 s (F-5)", async () => {
    const { clock, monitor, origin } = setUp();
    const a = origin("a");
    const startMs = clock.monotonicMs();
    monitor.add(a);
    await clock.advance(95_000);
    expect(a.probeCalls.map((atMs) => atMs - startMs)).toEqual([0, 30_000, 60_000, 90_000]);
    expect(monitor.health(a)).toMatchObject({ lastCheckMs: clock.wallMs() - 5000 });
    monitor.close();
    await clock.advance(95_000);
    expect(a.probeCalls).toHaveLength(4);
    expect([clock.pendingTimers, monitor.size]).toEqual([0, 0]);
  });

  test("all in parallel: a hanging origin delays nobody's check (F-5)", async () => {
    const { clock, monitor, origin } = setUp();
    const [a, stuck, b] = [origin("a"), origin("stuck"), origin("b")];
    stuck.probes = deaf;
    for (const each of [a, stuck, b]) monitor.add(each);
    await settle();
    expect(["a", "stuck", "b"].map((each) => monitor.status(id(each)))).toEqual([
      "healthy",
      "unknown",
      "healthy",
    ]);
    await clock.advance(4999);
    expect(monitor.consecutiveFailures(id("stuck"))).toBe(0);
    await clock.advance(1);
    expect(monitor.health(stuck)).toMatchObject({
      status: "degraded",
      consecutiveFailures: 1,
      lastError: expect.stringContaining("within 5000 ms"),
    });
    monitor.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("are aborted at their time-out, and a late answer is ignored (F-5)", async () => {
    const { clock, monitor, origin } = setUp();
    const a = origin("a");
    a.nextProbes.push(hang);
    monitor.add(a);
    await clock.advance(5000);
    expect(a.active).toBe(0);
    expect(monitor.status(a.id)).toBe("degraded");
    // This one answers after its time-out in spite of the abort.
    a.probe = () =>
      new Promise((resolve) => void clock.schedule(7000, () => resolve({ status: "ok" })));
    await clock.advance(25_000 + 6999);
    expect(monitor.consecutiveFailures(a.id)).toBe(2);
    await clock.advance(1000);
    expect(monitor.consecutiveFailures(a.id)).toBe(2);
    monitor.close();
  });

  test("of one origin are coalesced, forced ones too (F-7)", async () => {
    const { clock, monitor, origin } = setUp();
    const a = origin("a");
    a.probes = slow(2000);
    monitor.add(a);
    const forced = [monitor.checkNow(a.id), monitor.checkNow(a.id), monitor.checkAll()];
    await clock.run(Promise.all(forced));
    expect(a.probeCalls).toHaveLength(1);
    await clock.run(monitor.checkNow(a.id));
    expect(a.probeCalls).toHaveLength(2);
    monitor.close();
  });

  test("cannot be forced for an origin that is not there (F-7)", async () => {
    const { monitor } = setUp();
    await expect(monitor.checkNow(id("nobody"))).rejects.toThrow("nobody");
  });

  test("survive a probe that throws before it returns a promise", async () => {
    const { monitor, origin, clock } = setUp();
    const a = origin("a");
    a.probe = () => {
      throw new Error("a bug");
    };
    monitor.add(a);
    await settle();
    expect(monitor.health(a)).toMatchObject({ status: "degraded", lastError: "a bug" });
    monitor.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("tell their duration as a latency sample, failed ones do not (F-2)", async () => {
    const samples: [string, number][] = [];
    const { clock, monitor, origin } = setUp({ onProbed: (o, ms) => samples.push([o.id, ms]) });
    const a = origin("a");
    a.nextProbes.push(slow(120), fail("connection"));
    a.probes = { kind: "degraded", reason: "busy" };
    monitor.add(a);
    await clock.advance(60_000);
    expect(samples).toEqual([
      ["a", 120],
      ["a", 0],
    ]);
    monitor.close();
  });
});

describe("HealthMonitor events", () => {
  test("tell changes of status once each, with the reason (F-10)", async () => {
    const { clock, events, monitor, origin } = setUp();
    const a = origin("a");
    const other = origin("other");
    monitor.add(other);
    monitor.add(a);
    await settle();
    a.probes = fail("connection");
    await clock.advance(150_000);
    a.probes = { kind: "ok" };
    await clock.advance(60_000);
    const reason = expect.stringContaining("as the test wants it");
    const change = { type: "health_changed", origin: a.id };
    expect(events.all.filter((event) => "origin" in event && event.origin === a.id)).toEqual([
      { ...change, from: "unknown", to: "healthy" },
      { ...change, from: "healthy", to: "degraded", reason },
      { ...change, from: "degraded", to: "unhealthy", reason },
      { ...change, from: "unhealthy", to: "healthy" },
      { type: "recovered", origin: a.id },
    ] as never);
    monitor.close();
  });

  test("all_origins_unhealthy comes once per transition and counts enabled origins only (F-4)", async () => {
    const { clock, events, monitor, origin } = setUp();
    const [a, b] = [origin("a", "local"), origin("b", "local")];
    const told = () => events.of("all_origins_unhealthy").length;
    monitor.add(a);
    monitor.add(b);
    await settle();
    a.probes = fail("device_gone");
    await clock.advance(90_000);
    expect([told(), monitor.allUnhealthy]).toEqual([0, false]);
    monitor.remove(b.id);
    expect([told(), monitor.allUnhealthy]).toEqual([1, true]);
    await clock.advance(90_000);
    expect(told()).toBe(1);
    a.probes = { kind: "ok" };
    await clock.advance(30_000);
    expect(monitor.allUnhealthy).toBe(false);
    a.probes = fail("device_gone");
    await clock.advance(30_000);
    expect(told()).toBe(2);
    monitor.remove(a.id);
    expect([told(), monitor.allUnhealthy]).toEqual([2, false]);
  });

  test("an origin added while all are unhealthy ends that state until it fails itself (F-4)", async () => {
    const { clock, events, monitor, origin } = setUp();
    const [a, b] = [origin("a", "local"), origin("b", "local")];
    for (const each of [a, b]) each.probes = fail("device_gone");
    monitor.add(a);
    await settle();
    expect(monitor.allUnhealthy).toBe(true);
    monitor.add(b);
    expect(monitor.allUnhealthy).toBe(false);
    await clock.advance(0);
    expect(events.of("all_origins_unhealthy")).toHaveLength(2);
    monitor.close();
  });
});

describe("HealthMonitor and real traffic", () => {
  test("reads count as successes and failures", async () => {
    const { clock, monitor, origin } = setUp();
    const a = origin("a");
    monitor.add(a);
    await settle();
    for (let n = 1; n <= 3; n++) {
      await clock.advance(10);
      monitor.recordFailure(a, lost(a), clock.monotonicMs());
      expect(monitor.consecutiveFailures(a.id)).toBe(n);
    }
    expect(monitor.status(a.id)).toBe("unhealthy");
    monitor.recordSuccess(a);
    expect(monitor.health(a)).toMatchObject({ status: "healthy", consecutiveFailures: 0 });
    monitor.close();
  });

  test("what was under way together fails as one incident", async () => {
    const { clock, monitor, origin } = setUp();
    const a = origin("a");
    monitor.add(a);
    await settle();
    const startedMs = clock.monotonicMs();
    await clock.advance(10);
    for (let n = 0; n < 64; n++) {
      monitor.recordFailure(a, lost(a), startedMs);
      await clock.advance(1);
    }
    expect(monitor.consecutiveFailures(a.id)).toBe(1);
    monitor.recordFailure(a, lost(a), clock.monotonicMs());
    expect(monitor.consecutiveFailures(a.id)).toBe(2);
    monitor.close();
  });

  test("reports of an origin that is gone, or of its namesake, are ignored (F-9)", async () => {
    const { clock, monitor, origin, events } = setUp();
    const [before, after] = [origin("a", "local"), origin("a", "local")];
    before.probes = slow(1000, fail("connection"));
    monitor.add(before);
    const waiting = monitor.checkNow(before.id);
    monitor.remove(before.id);
    await waiting;
    await settle();
    expect(before.active).toBe(0);
    expect(events.all).toEqual([]);
    monitor.add(after);
    await clock.advance(2000);
    monitor.recordFailure(before, lost(before), clock.monotonicMs());
    expect(monitor.health(after)).toMatchObject({ status: "healthy", consecutiveFailures: 0 });
    monitor.recordFailure(after, lost(after), clock.monotonicMs());
    monitor.recordSuccess(before);
    monitor.suspect(before);
    expect(monitor.status(after.id)).toBe("unhealthy");
    expect(before.probeCalls).toHaveLength(1);
    monitor.close();
  });

  test("closing tells of nothing, whatever the origins are like", async () => {
    const { monitor, origin, events } = setUp();
    const [good, bad] = [origin("good", "local"), origin("bad", "local")];
    bad.probes = fail("connection");
    monitor.add(good);
    monitor.add(bad);
    await settle();
    expect([monitor.status(good.id), monitor.status(bad.id)]).toEqual(["healthy", "unhealthy"]);
    const before = events.all.length;
    monitor.close();
    expect(events.all).toHaveLength(before);
    expect([monitor.size, monitor.allUnhealthy]).toEqual([0, false]);
  });

  test("an I/O error has the origin checked, at most every 5 s", async () => {
    const { clock, monitor, origin } = setUp();
    const a = origin("a");
    monitor.add(a);
    await settle();
    for (let n = 0; n < 10; n++) {
      monitor.suspect(a);
      await settle();
    }
    expect(a.probeCalls).toHaveLength(2);
    await clock.advance(SUSPECT_CHECK_INTERVAL_MS);
    monitor.suspect(a);
    expect(a.probeCalls).toHaveLength(3);
    monitor.close();
  });
});
