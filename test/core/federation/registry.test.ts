import { describe, expect, test } from "bun:test";
import { HealthMonitor } from "../../../src/core/federation/health.ts";
import { OriginRegistry, type RoutingOrder } from "../../../src/core/federation/registry.ts";
import { Router } from "../../../src/core/federation/router.ts";
import { MAX_ORIGINS } from "../../../src/core/limits.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";
import { fail, ScriptedOrigin, slow } from "./scripted_origin.ts";
import { EventLog, federate, HEALTH, id, someBytes, TestFile } from "./setting.ts";

function setUp() {
  const clock = new VirtualClock();
  const events = new EventLog();
  const router = new Router();
  const health = new HealthMonitor(clock, events, HEALTH, {
    onChange: () => registry.refreshRouting(),
  });
  const registry = new OriginRegistry(router, health, events);
  const add = (name: string, priority?: number, enabled?: boolean) => {
    const origin = new ScriptedOrigin(name, clock);
    registry.register(origin, {
      ...(priority !== undefined && { priority }),
      ...(enabled !== undefined && { enabled }),
    });
    return origin;
  };
  return { clock, events, router, health, registry, add };
}

describe("OriginRegistry", () => {
  test("keeps several origins at once and tells of each (FR-13.1, F-10)", async () => {
    const { registry, events, add } = setUp();
    const all = ["a", "b", "c"].map((each) => add(each));
    expect(registry.list()).toEqual(all);
    await registry.unregister(id("b"));
    expect(registry.list()).toEqual([all[0], all[2]] as ScriptedOrigin[]);
    expect(await registry.unregister(id("b"))).toBe(false);
    expect(events.of("origin_added").map(({ origin }) => origin)).toEqual(["a", "b", "c"].map(id));
    expect(events.of("origin_removed").map(({ origin }) => origin)).toEqual([id("b")]);
    await registry.close();
  });

  test("refuses an id in use, a bad priority, and more than MAX_ORIGINS", async () => {
    const { registry, router, health, clock, add } = setUp();
    const first = add("a");
    expect(() => add("a")).toThrow("an origin named a exists already");
    expect(registry.get(id("a"))).toBe(first);
    expect(() => add("b", 256)).toThrow("0..255: 256");
    expect([registry.size, router.size, health.size]).toEqual([1, 1, 1]);
    for (let n = 1; n < MAX_ORIGINS; n++) add(`o${n}`);
    expect(() => add("one-more")).toThrow(`${MAX_ORIGINS} origins`);
    await registry.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("neither checks nor routes to a disabled origin, and checks it at once when enabled (F-5)", async () => {
    const { registry, health, clock, add } = setUp();
    const origin = add("a", 1, false);
    await clock.advance(60_000);
    expect(origin.probeCalls).toEqual([]);
    expect(registry.route([id("a")])).toBeUndefined();
    expect([registry.isEnabled(id("a")), registry.isActive(origin)]).toEqual([false, false]);
    registry.enable(id("a"));
    registry.enable(id("a"));
    await settle();
    expect(origin.probeCalls).toHaveLength(1);
    expect(registry.route([id("a")])).toBe(origin);
    registry.disable(id("a"));
    expect(registry.routeAll([id("a")])).toEqual([]);
    expect([health.size, clock.pendingTimers, origin.closed]).toEqual([0, 0, 0]);
    expect(() => registry.enable(id("none"))).toThrow("no origin is named none");
    expect(() => registry.disable(id("none"))).toThrow("no origin is named none");
    expect(() => registry.setPriority(id("none"), 1)).toThrow("no origin is named none");
    await registry.close();
  });

  test("routes among the candidates only, each once (F-3)", () => {
    const { registry, add } = setUp();
    const [a, b] = [add("a", 2), add("b", 1)];
    add("c", 0);
    expect(registry.routeAll([id("a"), id("b"), id("a"), id("gone")])).toEqual([b, a]);
  });
});

describe("OriginRegistry.unregister", () => {
  test("leaves nothing of an origin behind, nor gives it to its successor (F-9)", async () => {
    const { registry, router, health, clock, add } = setUp();
    const origin = add("a", 7);
    origin.probes = slow(100);
    await clock.advance(30_000);
    router.recordLatency(id("a"), 50, 0);
    registry.holdWatch(
      origin,
      origin.watch(() => undefined),
    );
    await registry.unregister(id("a"));
    expect([registry.size, router.size, health.size]).toEqual([0, 0, 0]);
    expect([origin.listeners.size, origin.closed, origin.active]).toEqual([0, 1, 0]);
    expect(clock.pendingTimers).toBe(0);
    const successor = add("a");
    expect(router.getPriority(id("a"))).toBe(100);
    expect(router.latency(id("a"))?.count).toBe(0);
    expect(health.status(id("a"))).toBe("unknown");
    expect(registry.isActive(origin)).toBe(false);
    expect(registry.isActive(successor)).toBe(true);
    registry.holdWatch(
      origin,
      origin.watch(() => undefined),
    );
    expect(origin.listeners.size).toBe(0);
    await registry.close();
  });

  test("releases the rest when a watch or the origin cannot be closed (F-9)", async () => {
    const { registry, router, health, clock, add } = setUp();
    const origin = add("a");
    const other = add("b");
    registry.holdWatch(
      origin,
      origin.watch(() => undefined),
    );
    registry.holdWatch(origin, {
      [Symbol.dispose]() {
        throw new Error("the watch is stuck");
      },
    });
    registry.holdWatch(
      origin,
      origin.watch(() => undefined),
    );
    await expect(registry.unregister(id("a"))).rejects.toThrow("the watch is stuck");
    expect([origin.listeners.size, origin.closed]).toEqual([0, 1]);
    other.close = () => Promise.reject(new Error("the origin is stuck"));
    await expect(registry.close()).rejects.toThrow("the origin is stuck");
    expect([registry.size, router.size, health.size, clock.pendingTimers]).toEqual([0, 0, 0, 0]);
  });

  test("while it is read: the read goes on elsewhere and the failure is nobody's (F-9)", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    const file = new TestFile(someBytes(10), [
      [a, "proved"],
      [b, "proved"],
    ]);
    a.reads = slow(20, fail("connection"));
    const reading = federation.read(file, 0, new Uint8Array(10));
    await clock.advance(10);
    await federation.remove(a.id);
    const successor = new ScriptedOrigin("a", clock);
    successor.content = file.content;
    federation.add(successor);
    expect(await clock.run(reading)).toMatchObject({ origin: b.id, failures: 1 });
    const status = federation.report().find((each) => each.id === a.id);
    expect(status).toMatchObject({ status: "healthy", consecutiveFailures: 0 });
    expect(successor.readCalls).toEqual([]);
    await federation.close();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("the routing order", () => {
  test("is told with a larger epoch whenever order or status change, and only then", async () => {
    const { registry, health, clock, add } = setUp();
    const told: RoutingOrder[] = [];
    using _told = registry.onRoutingChange((order) => told.push(order));
    const last = () => told.at(-1)?.origins.map((each) => `${each.id}:${each.status}`);
    add("a", 2);
    const b = add("b", 1);
    expect(last()).toEqual(["b:unknown", "a:unknown"]);
    await settle();
    expect(last()).toEqual(["b:healthy", "a:healthy"]);
    const settledEpoch = registry.routing.epoch;
    await clock.advance(60_000);
    expect(registry.routing.epoch).toBe(settledEpoch);
    b.probes = fail("connection");
    await clock.run(health.checkNow(b.id));
    expect(last()).toEqual(["a:healthy", "b:degraded"]);
    registry.setPriority(id("a"), 3);
    expect(registry.routing).toBe(told.at(-1) as RoutingOrder);
    const { epoch } = registry.routing;
    registry.setPriority(id("a"), 4);
    expect(registry.routing.epoch).toBe(epoch);
    registry.disable(id("a"));
    expect(last()).toEqual(["b:degraded"]);
    await registry.unregister(id("b"));
    expect(last()).toEqual([]);
    const epochs = told.map(({ epoch }) => epoch);
    expect(epochs).toEqual([...new Set(epochs)].sort((x, y) => x - y));
    await registry.close();
  });

  test("follows the latencies of equals as reads come in (F-1)", async () => {
    const { federation, clock, origins } = await federate(["a", "b"], { priorities: [5, 5] });
    const [a, b] = origins;
    const file = new TestFile(someBytes(10), [[a, "proved"]]);
    expect(federation.routing.origins.map((each) => each.id)).toEqual([a.id, b.id]);
    const before = federation.routing.epoch;
    // Half of a's samples must be slow: one is its first probe's, of 0 ms.
    a.reads = slow(40);
    await clock.run(federation.read(file, 0, new Uint8Array(10)));
    expect(federation.routing.origins.map((each) => each.id)).toEqual([b.id, a.id]);
    expect(federation.routing.epoch).toBe(before + 1);
    await federation.close();
  });

  test("is not told any more once the listener is disposed (F-9)", async () => {
    const { registry, add } = setUp();
    let calls = 0;
    const listening = registry.onRoutingChange(() => {
      calls++;
    });
    add("a");
    listening[Symbol.dispose]();
    listening[Symbol.dispose]();
    add("b");
    expect([calls, registry.listenerCount]).toEqual([1, 0]);
    await registry.close();
  });
});
