/** What a machine that slept, or came to another network, does to the health of its origins (F-5). */

import { describe, expect, test } from "bun:test";
import { OriginError } from "../../../src/core/errors.ts";
import { type HealthHooks, HealthMonitor } from "../../../src/core/federation/health.ts";
import type { OriginType } from "../../../src/core/origins/origin.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";
import { fail, hang, ScriptedOrigin, slow } from "./scripted_origin.ts";
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

describe("HealthMonitor after sleep and changes of network", () => {
  const cases = {
    "the wall clock jumped by the next check": async (clock: VirtualClock) => {
      clock.jumpWall(3_600_000);
      await clock.advance(30_000);
    },
    "the process stood still": async (clock: VirtualClock) => {
      clock.stall(600_000);
      await clock.advance(0);
    },
    "the clock was set back": async (clock: VirtualClock) => {
      clock.jumpWall(-60_000);
      await clock.advance(30_000);
    },
  };
  for (const [name, happen] of Object.entries(cases)) {
    test(`drops connections and checks all at once when ${name} (F-5)`, async () => {
      const dropped: string[] = [];
      const { clock, monitor, origin, events } = setUp({
        dropConnections: ({ id: origin }) => dropped.push(origin),
      });
      const [a, b] = [origin("a", "local"), origin("b", "local")];
      monitor.add(a);
      monitor.add(b);
      await settle();
      const before = events.all.length;
      // The network takes a while to come back: the checks fail, and that is no failure.
      for (const each of [a, b]) each.nextProbes.push(fail("connection"));
      await happen(clock);
      expect(dropped).toEqual(["a", "b"]);
      expect([a.probeCalls.length, b.probeCalls.length]).toEqual([2, 2]);
      expect(events.all).toHaveLength(before);
      expect(monitor.health(a)).toMatchObject({ status: "healthy", consecutiveFailures: 0 });
      await clock.advance(30_000);
      expect([dropped.length, a.probeCalls.length]).toEqual([2, 3]);
      monitor.close();
      expect(clock.pendingTimers).toBe(0);
    });
  }

  test("what fails before any timer of the monitor has run is forgiven, too (F-5)", async () => {
    const dropped: string[] = [];
    const { clock, monitor, origin } = setUp({ dropConnections: ({ id: o }) => dropped.push(o) });
    const a = origin("a", "local");
    monitor.add(a);
    await settle();
    const startedMs = clock.monotonicMs();
    // Its next check was due in 30 s: all that time and more is gone, and a read has timed out.
    clock.stall(45_000);
    monitor.recordFailure(a, lost(a), startedMs);
    expect(monitor.health(a)).toMatchObject({ status: "healthy", consecutiveFailures: 0 });
    expect(dropped).toEqual(["a"]);
    // What begins after the sleep counts.
    await clock.advance(1);
    monitor.recordFailure(a, lost(a), clock.monotonicMs());
    expect(monitor.status(id("a"))).toBe("unhealthy");
    monitor.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("a check that fails before any timer of the monitor has run is forgiven, too (F-5)", async () => {
    const { clock, monitor, origin } = setUp();
    const a = origin("a", "local");
    monitor.add(a);
    await settle();
    // What its connection is made with has a time-out of its own, which runs out during the sleep.
    const connecting = Promise.withResolvers<never>();
    const { probe } = a;
    a.probe = () => connecting.promise;
    void monitor.checkNow(id("a"));
    await settle();
    a.probe = probe;
    clock.stall(45_000);
    connecting.reject(lost(a));
    await settle();
    expect(monitor.health(a)).toMatchObject({ status: "healthy", consecutiveFailures: 0 });
    expect(a.probeCalls).toHaveLength(2);
    monitor.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("a reader notices the jump before the next check does", async () => {
    const dropped: string[] = [];
    const { clock, monitor, origin } = setUp({ dropConnections: ({ id: o }) => dropped.push(o) });
    monitor.add(origin("a"));
    await settle();
    monitor.noticeClock();
    clock.jumpWall(5000);
    monitor.noticeClock();
    expect(dropped).toEqual([]);
    clock.jumpWall(20_000);
    monitor.noticeClock();
    monitor.noticeClock();
    expect(dropped).toEqual(["a"]);
    monitor.close();
  });

  test("a change of network is noticed at the failure it causes, which is forgiven (F-5)", async () => {
    let network = "wifi";
    const dropped: string[] = [];
    const { clock, monitor, origin } = setUp({
      network: () => network,
      dropConnections: ({ id: o }) => dropped.push(o),
    });
    const a = origin("a", "local");
    monitor.add(a);
    await clock.advance(100);
    const startedMs = clock.monotonicMs();
    network = "cable";
    await clock.advance(100);
    monitor.recordFailure(a, lost(a), startedMs);
    expect([dropped, monitor.status(a.id)]).toEqual([["a"], "healthy"]);
    await clock.advance(1);
    monitor.recordFailure(a, lost(a), clock.monotonicMs());
    expect([dropped.length, monitor.status(a.id)]).toEqual([1, "unhealthy"]);
    monitor.close();
  });

  test("a check that runs is replaced; who waits for it gets the new one's result", async () => {
    const { clock, monitor, origin } = setUp();
    const a = origin("a");
    a.nextProbes.push(hang, slow(300));
    monitor.add(a);
    const waiting = monitor.checkNow(a.id);
    monitor.reset();
    expect(a.probeCalls).toHaveLength(2);
    await settle();
    expect(monitor.health(a)).toMatchObject({ status: "unknown", consecutiveFailures: 0 });
    await clock.run(waiting);
    expect(monitor.status(a.id)).toBe("healthy");
    expect(a.active).toBe(0);
    monitor.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
