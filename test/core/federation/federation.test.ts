import { describe, expect, test } from "bun:test";
import { settle } from "../../support/virtual_clock.ts";
import { deaf, fail, hang, ScriptedOrigin, slow } from "./scripted_origin.ts";
import { federate, id, someBytes, TestFile } from "./setting.ts";

describe("Federation.report", () => {
  test("tells all that health shows of each origin, disabled ones too", async () => {
    const { federation, clock, origins } = await federate(["a", "b"], { type: "nfs" });
    const [a, b] = origins;
    a.probes = slow(20);
    await clock.run(federation.checkNow(a.id));
    b.probes = fail("not_mounted");
    await clock.run(federation.checkNow(b.id));
    const off = new ScriptedOrigin("off", clock, "local");
    federation.add(off, { priority: 9, enabled: false });
    expect(federation.report()).toEqual([
      {
        id: a.id,
        type: "nfs",
        priority: 1,
        enabled: true,
        status: "healthy",
        consecutiveFailures: 0,
        threshold: 3,
        latencyP50Ms: 20,
        latencyP99Ms: 20,
        lastLatencyMs: 20,
        lastUpdateMs: clock.wallMs(),
        lastCheckMs: clock.wallMs(),
        nextCheckMs: clock.wallMs() - 20 + 30_000,
        lastError: undefined,
      },
      {
        id: b.id,
        type: "nfs",
        priority: 2,
        enabled: true,
        status: "degraded",
        consecutiveFailures: 1,
        threshold: 3,
        latencyP50Ms: 0,
        latencyP99Ms: 0,
        lastLatencyMs: 0,
        lastUpdateMs: clock.wallMs() - 20,
        lastCheckMs: clock.wallMs(),
        nextCheckMs: clock.wallMs() - 20 + 30_000,
        lastError: expect.stringContaining("as the test wants it"),
      },
      {
        id: off.id,
        type: "local",
        priority: 9,
        enabled: false,
        status: "unknown",
        consecutiveFailures: 0,
        threshold: 1,
        latencyP50Ms: 0,
        latencyP99Ms: 0,
        lastLatencyMs: undefined,
        lastUpdateMs: undefined,
        lastCheckMs: undefined,
        nextCheckMs: undefined,
        lastError: undefined,
      },
    ]);
    await federation.close();
  });
});

describe("Federation", () => {
  test("changes priorities and enabling under running reads", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    const file = new TestFile(someBytes(10), [
      [a, "proved"],
      [b, "proved"],
    ]);
    const servedBy = async () => {
      const { origin } = await clock.run(federation.read(file, 0, new Uint8Array(10)));
      return origin;
    };
    expect(await servedBy()).toBe(a.id);
    federation.setPriority(b.id, 0);
    expect(await servedBy()).toBe(b.id);
    federation.disable(b.id);
    expect(await servedBy()).toBe(a.id);
    federation.enable(b.id);
    // Enabled, but not checked yet: a is healthy and goes first.
    expect(federation.routing.origins.map(({ status }) => status)).toEqual(["healthy", "unknown"]);
    await settle();
    expect(await servedBy()).toBe(b.id);
    await federation.close();
  });

  test("forgives what a change of network breaks: dropped connections are retried (F-5)", async () => {
    const { federation, clock, origins, events } = await federate(["a"], { type: "local" });
    const [a] = origins;
    const file = new TestFile(someBytes(10), [[a, "proved"]]);
    a.nextReads.push(slow(50, fail("connection")));
    const reading = federation.read(file, 0, new Uint8Array(10));
    await clock.advance(10);
    federation.networkChanged();
    expect(await clock.run(reading)).toMatchObject({ origin: a.id, failures: 1 });
    expect(a.dropped).toBe(1);
    expect(a.probeCalls).toHaveLength(2);
    expect(events.of("health_changed")).toHaveLength(1);
    await federation.close();
  });

  test("notices a jump of the clock at the next read", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    clock.jumpWall(3_600_000);
    const file = new TestFile(someBytes(10), [[origins[0], "proved"]]);
    await clock.run(federation.read(file, 0, new Uint8Array(10)));
    expect(origins[0].dropped).toBe(1);
    await federation.close();
  });

  test("close() ends reads, checks and background work at once and leaves nothing (F-9)", async () => {
    const { federation, clock, origins, events } = await federate(["a", "b"]);
    const [a, b] = origins;
    const listeners = events.listenerCount;
    const file = new TestFile(someBytes(10), [
      [a, "proved"],
      [b, "unverified"],
    ]);
    file.kept = [{ offsetBytes: 0, bytes: file.content.slice(0, 5) }];
    a.reads = deaf;
    b.reads = hang;
    a.probes = deaf;
    b.probes = hang;
    federation.registry.holdWatch(
      a,
      a.watch(() => undefined),
    );
    const startMs = clock.monotonicMs();
    const read = Promise.allSettled([federation.read(file, 0, new Uint8Array(10))]);
    const check = federation.health.checkAll();
    federation.compareReplicas(file);
    await clock.advance(2000);
    await federation.close();
    expect(await read).toMatchObject([{ status: "rejected", reason: { code: "cancelled" } }]);
    await check;
    await settle();
    expect(clock.monotonicMs() - startMs).toBe(2000);
    expect(clock.pendingTimers).toBe(0);
    expect([a.active, b.active, a.listeners.size, a.closed, b.closed]).toEqual([0, 0, 0, 1, 1]);
    expect([federation.registry.size, federation.router.size, federation.health.size]).toEqual([
      0, 0, 0,
    ]);
    expect(events.listenerCount).toBe(listeners);
    const late = federation.read(file, 0, new Uint8Array(10));
    await expect(late).rejects.toMatchObject({ code: "no_origin_available" });
  });

  test("origins that come and go a thousand times leave nothing behind (F-9)", async () => {
    const { federation, clock, origins } = await federate(["stays"]);
    const [stays] = origins;
    for (let n = 0; n < 1000; n++) {
      const origin = new ScriptedOrigin("guest", clock);
      federation.add(origin, { priority: n % 256 });
      federation.registry.holdWatch(
        origin,
        origin.watch(() => undefined),
      );
      const file = new TestFile(someBytes(4), [
        [origin, "proved"],
        [stays, "proved"],
      ]);
      await clock.run(federation.read(file, 0, new Uint8Array(4)));
      await federation.remove(id("guest"));
      expect([origin.closed, origin.listeners.size]).toEqual([1, 0]);
    }
    expect([federation.registry.size, federation.router.size, federation.health.size]).toEqual([
      1, 1, 1,
    ]);
    expect(clock.pendingTimers).toBe(1);
    await federation.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
