/** The tests that the specification names, under its names. */

import { describe, expect, test } from "bun:test";
import { OwnError } from "../../../src/core/errors.ts";
import { HealthMonitor } from "../../../src/core/federation/health.ts";
import { OriginRegistry } from "../../../src/core/federation/registry.ts";
import { type HealthView, Router } from "../../../src/core/federation/router.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";
import { fail, ScriptedOrigin } from "./scripted_origin.ts";
import { EventLog, federate, HEALTH, id, someBytes, TestFile } from "./setting.ts";

function monitored(thresholds = HEALTH.perOriginThresholds) {
  const clock = new VirtualClock();
  const events = new EventLog();
  const router = new Router();
  const health = new HealthMonitor(clock, events, { ...HEALTH, perOriginThresholds: thresholds });
  return { clock, events, router, health, registry: new OriginRegistry(router, health, events) };
}

const allHealthy: HealthView = { status: () => "healthy", consecutiveFailures: () => 0 };

describe("the specification's tests", () => {
  test("register and get (FR-13.1)", () => {
    const { registry, clock } = monitored();
    const origin = new ScriptedOrigin("test", clock);
    registry.register(origin, { priority: 1 });
    expect(registry.get(id("test"))).toBe(origin);
    expect(registry.get(id("other"))).toBeUndefined();
    expect(registry.list()).toEqual([origin]);
  });

  test("route by priority (FR-13.3, F-1)", () => {
    const { registry, clock } = monitored();
    const backup = new ScriptedOrigin("backup", clock);
    const primary = new ScriptedOrigin("primary", clock);
    registry.register(backup, { priority: 2 });
    registry.register(primary, { priority: 1 });
    expect(registry.route([id("backup"), id("primary")])).toBe(primary);
    expect(registry.routeAll([id("backup"), id("primary")])).toEqual([primary, backup]);
    expect(registry.route([id("backup")])).toBe(backup);
    expect(registry.route([])).toBeUndefined();
  });

  test("select by priority (F-1)", () => {
    const router = new Router();
    router.setPriority(id("high"), 1);
    router.setPriority(id("low"), 2);
    expect(router.select([id("low"), id("high")], allHealthy)).toBe(id("high"));
  });

  test("select skips unhealthy (F-3)", () => {
    const router = new Router();
    router.setPriority(id("high"), 1);
    router.setPriority(id("low"), 2);
    const health: HealthView = {
      status: (origin) => (origin === id("high") ? "unhealthy" : "healthy"),
      consecutiveFailures: (origin) => (origin === id("high") ? 3 : 0),
    };
    expect(router.select([id("high"), id("low")], health)).toBe(id("low"));
    expect(router.select([id("high")], health)).toBeUndefined();
    expect(router.selectWithFallback([id("high")], health)).toBe(id("high"));
  });

  test("latency affects tiebreak (F-1)", () => {
    const router = new Router();
    router.setPriority(id("a"), 1);
    router.setPriority(id("b"), 1);
    router.recordLatency(id("a"), 100, 0);
    router.recordLatency(id("b"), 10, 0);
    expect(router.select([id("a"), id("b")], allHealthy)).toBe(id("b"));
    router.setPriority(id("b"), 2);
    expect(router.select([id("a"), id("b")], allHealthy)).toBe(id("a"));
  });

  test("unchecked is not healthy (F-3, F-5)", () => {
    const { registry, router, health, clock } = monitored();
    registry.register(new ScriptedOrigin("test", clock));
    expect(health.isHealthy(id("test"))).toBe(false);
    expect(health.status(id("test"))).toBe("unknown");
    expect(router.select([id("test")], health)).toBeUndefined();
    expect(registry.route([id("test")])).toBe(registry.get(id("test")));
  });

  test("health check (F-5, F-7)", async () => {
    const { health, clock } = monitored();
    health.add(new ScriptedOrigin("test", clock));
    await health.checkNow(id("test"));
    expect(health.isHealthy(id("test"))).toBe(true);
    health.close();
  });

  test("failover to backup (F-8)", async () => {
    const { federation, clock, origins, events } = await federate(["primary", "backup"]);
    const [primary, backup] = origins;
    const file = new TestFile(someBytes(1000), [
      [primary, "proved"],
      [backup, "proved"],
    ]);
    primary.reads = fail("connection");
    const into = new Uint8Array(1000);
    const outcome = await clock.run(federation.read(file, 0, into));
    expect(into).toEqual(file.content);
    expect(outcome).toEqual({
      bytesRead: 1000,
      origin: id("backup"),
      failures: 1,
      failedOver: id("primary"),
      hedged: false,
      proved: true,
    });
    expect(events.of("failover")).toMatchObject([{ from: "primary", to: "backup" }]);
    await federation.close();
  });

  test("retry with backoff (NFR-7.3)", async () => {
    const { federation, clock, origins } = await federate(["only"]);
    const [only] = origins;
    const file = new TestFile(someBytes(100), [[only, "proved"]]);
    only.nextReads.push(fail("connection"), fail("timeout"));
    const into = new Uint8Array(100);
    const outcome = await clock.run(federation.read(file, 0, into));
    expect(into).toEqual(file.content);
    expect(outcome.failures).toBe(2);
    expect(only.readCalls).toHaveLength(3);
    await federation.close();
  });

  test("retry delays match spec (NFR-7.3)", async () => {
    const { federation, clock, origins } = await federate(["only"]);
    const [only] = origins;
    const file = new TestFile(someBytes(100), [[only, "proved"]]);
    only.reads = fail("connection");
    const failed = clock.run(federation.read(file, 0, new Uint8Array(100)));
    const error = await failed.catch((thrown: unknown) => thrown);
    const times = only.readCalls.map(({ atMs }) => atMs);
    expect(times.slice(1).map((at, n) => at - (times[n] ?? 0))).toEqual([100, 500, 2000]);
    expect(error).toBeInstanceOf(OwnError);
    expect(error).toMatchObject({ code: "max_retries_exceeded", cause: { code: "connection" } });
    await federation.close();
  });

  test("all origins unhealthy (F-4)", async () => {
    const { federation, clock, origins, events } = await federate(["a", "b"]);
    for (const origin of origins) origin.probes = fail("connection");
    for (let n = 0; n < 3; n++) await clock.run(federation.health.checkAll());
    expect(federation.report().map(({ status }) => status)).toEqual(["unhealthy", "unhealthy"]);
    await clock.advance(120_000);
    expect(events.of("all_origins_unhealthy")).toHaveLength(1);
    const [a, b] = origins;
    a.reads = fail("connection");
    const file = new TestFile(someBytes(10), [
      [a, "proved"],
      [b, "proved"],
    ]);
    const startMs = clock.monotonicMs();
    const outcome = await clock.run(federation.read(file, 0, new Uint8Array(10)));
    expect(outcome.origin).toBe(id("b"));
    expect(clock.monotonicMs()).toBe(startMs);
    expect(events.of("recovered")).toEqual([{ type: "recovered", origin: id("b") }]);
    await federation.close();
  });

  test("watch cleanup on unregister (F-9)", async () => {
    const { registry, clock, health } = monitored();
    const origin = new ScriptedOrigin("test", clock);
    registry.register(origin);
    registry.holdWatch(
      origin,
      origin.watch(() => undefined),
    );
    registry.holdWatch(
      origin,
      origin.watch(() => undefined),
    );
    expect(origin.listeners.size).toBe(2);
    expect(await registry.unregister(id("test"))).toBe(true);
    expect(origin.listeners.size).toBe(0);
    expect(origin.closed).toBe(1);
    registry.holdWatch(
      origin,
      origin.watch(() => undefined),
    );
    expect(origin.listeners.size).toBe(0);
    expect(health.size).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("per-origin health threshold (F-6)", async () => {
    const { clock, health } = monitored({ sftp: 2 });
    const types = ["local", "nfs", "smb", "s3", "sftp"] as const;
    for (const type of types) {
      const origin = new ScriptedOrigin(type, clock, type);
      origin.probes = fail("connection");
      health.add(origin);
    }
    await settle();
    const statuses = () => types.map((type) => health.status(id(type)));
    expect(statuses()).toEqual(["unhealthy", "degraded", "degraded", "degraded", "degraded"]);
    await clock.run(health.checkAll());
    expect(statuses()).toEqual(["unhealthy", "degraded", "degraded", "degraded", "unhealthy"]);
    await clock.run(health.checkAll());
    expect(statuses()).toEqual(Array(5).fill("unhealthy"));
    health.close();
  });
});
