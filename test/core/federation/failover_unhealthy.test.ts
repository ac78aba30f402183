import { describe, expect, test } from "bun:test";
import { deaf, fail, type ScriptedOrigin, slow } from "./scripted_origin.ts";
import { type FederateOptions, federate, id, someBytes, TestFile } from "./setting.ts";

const provedOn = (...origins: ScriptedOrigin[]) =>
  new TestFile(
    someBytes(100),
    origins.map((origin) => [origin, "proved"] as const),
  );

/** Origins of which the named ones were made unhealthy by that many failed checks. */
async function withUnhealthy<const Ids extends readonly string[]>(
  ids: Ids,
  failures: Readonly<Record<string, number>>,
  options: FederateOptions = {},
) {
  const setting = await federate(ids, options);
  for (const origin of setting.origins) {
    origin.probes = fail("connection");
    for (let n = 0; n < (failures[origin.id] ?? 0); n++) {
      await setting.clock.run(setting.federation.checkNow(origin.id));
    }
  }
  return setting;
}

describe("when every candidate is unhealthy (F-4)", () => {
  test("the least bad is tried first, each once, without delays", async () => {
    const { federation, clock, origins } = await withUnhealthy(["a", "b", "c"], {
      a: 5,
      b: 3,
      c: 4,
    });
    const order: string[] = [];
    for (const origin of origins) {
      origin.read = (_path) => {
        order.push(origin.id);
        return Promise.reject(new Error("broken"));
      };
    }
    const startMs = clock.monotonicMs();
    const failed = clock.run(federation.read(provedOn(...origins), 0, new Uint8Array(10)));
    await expect(failed).rejects.toMatchObject({ code: "no_origin_available" });
    expect(order).toEqual(["b", "c", "a"]);
    expect(clock.monotonicMs()).toBe(startMs);
    await federation.close();
  });

  test("one trial read at a time goes to each; all others end at once", async () => {
    const { federation, clock, origins } = await withUnhealthy(["a", "b"], { a: 3, b: 3 });
    const [a, b] = origins;
    a.reads = slow(500);
    b.reads = slow(500);
    const file = provedOn(a, b);
    const reads = Array.from({ length: 10 }, () => federation.read(file, 0, new Uint8Array(10)));
    const startMs = clock.monotonicMs();
    const early = await Promise.allSettled(reads.slice(2));
    expect(clock.monotonicMs()).toBe(startMs);
    expect([a.readCalls.length, b.readCalls.length]).toEqual([1, 1]);
    for (const outcome of early) {
      expect(outcome).toMatchObject({ reason: { code: "no_origin_available" } });
    }
    const trials = await clock.run(Promise.all(reads.slice(0, 2)));
    expect(trials.map(({ origin }) => origin)).toEqual([id("a"), id("b")]);
    // One good read, and both are in service again.
    await clock.run(federation.read(file, 0, new Uint8Array(10)));
    expect(federation.report().map(({ status }) => status)).toEqual(["healthy", "healthy"]);
    await federation.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("a failed trial frees the place, and the next read may try again", async () => {
    const { federation, clock, origins } = await withUnhealthy(["a"], { a: 3 });
    const [a] = origins;
    a.reads = fail("connection");
    const file = provedOn(a);
    for (let n = 1; n <= 3; n++) {
      const failed = clock.run(federation.read(file, 0, new Uint8Array(10)));
      await expect(failed).rejects.toMatchObject({
        code: "no_origin_available",
        cause: { code: "connection" },
      });
      expect(a.readCalls).toHaveLength(n);
    }
    expect(federation.health.consecutiveFailures(a.id)).toBe(6);
    await federation.close();
  });

  test("a trial that hangs holds only its own reader, until that one's deadline", async () => {
    const { federation, clock, origins } = await withUnhealthy(["a"], { a: 3 });
    const [a] = origins;
    a.reads = deaf;
    const file = provedOn(a);
    const startMs = clock.monotonicMs();
    const trial = Promise.allSettled([federation.read(file, 0, new Uint8Array(10))]);
    await clock.advance(29_000);
    const other = federation.read(file, 0, new Uint8Array(10));
    await expect(other).rejects.toMatchObject({ code: "no_origin_available" });
    expect(await clock.run(trial)).toMatchObject([{ reason: { code: "deadline_exceeded" } }]);
    expect(clock.monotonicMs() - startMs).toBe(30_000);
    a.reads = { kind: "ok" };
    expect(await clock.run(federation.read(file, 0, new Uint8Array(10)))).toMatchObject({
      origin: a.id,
    });
    await federation.close();
  });

  test("a hanging trial does not keep its read from another one", async () => {
    const { federation, clock, origins } = await withUnhealthy(["a", "b"], { a: 3, b: 4 });
    const [a, b] = origins;
    a.reads = deaf;
    const startMs = clock.monotonicMs();
    const outcome = await clock.run(federation.read(provedOn(a, b), 0, new Uint8Array(10)));
    expect(outcome.origin).toBe(b.id);
    expect(clock.monotonicMs() - startMs).toBeLessThanOrEqual(15_000);
    await federation.close();
  });
});

describe("an unhealthy origin among others", () => {
  test("is not asked while they serve, nor before their retries (F-3)", async () => {
    const { federation, clock, origins } = await withUnhealthy(["bad", "good"], { bad: 3 });
    const [bad, good] = origins;
    const file = provedOn(bad, good);
    expect(await clock.run(federation.read(file, 0, new Uint8Array(10)))).toMatchObject({
      origin: good.id,
      failedOver: bad.id,
      failures: 0,
    });
    good.nextReads.push(fail("io"), fail("io"), fail("io"));
    const startMs = clock.monotonicMs();
    await clock.run(federation.read(file, 0, new Uint8Array(10)));
    expect(clock.monotonicMs() - startMs).toBe(2600);
    expect(bad.readCalls).toEqual([]);
    await federation.close();
  });

  test("is the last resort when they are used up, or when they cannot help (F-3)", async () => {
    const { federation, clock, origins } = await withUnhealthy(["bad", "good"], { bad: 3 });
    const [bad, good] = origins;
    const file = provedOn(bad, good);
    good.nextReads.push(fail("not_found"));
    const startMs = clock.monotonicMs();
    expect(await clock.run(federation.read(file, 0, new Uint8Array(10)))).toMatchObject({
      origin: bad.id,
    });
    expect(clock.monotonicMs()).toBe(startMs);
    await federation.close();
  });

  test("lets nobody end with 'not found' for a file it may hold", async () => {
    const { federation, clock, origins } = await withUnhealthy(["bad", "good"], { bad: 3 });
    const [bad, good] = origins;
    good.reads = fail("not_found");
    bad.reads = fail("connection");
    const failed = clock.run(federation.read(provedOn(bad, good), 0, new Uint8Array(10)));
    await expect(failed).rejects.toMatchObject({ code: "no_origin_available" });
    await federation.close();
  });

  test("that recovers meanwhile is tried like the others", async () => {
    const { federation, clock, origins } = await withUnhealthy(["bad", "good"], { bad: 3 });
    const [bad, good] = origins;
    good.reads = fail("io");
    const reading = federation.read(provedOn(bad, good), 0, new Uint8Array(10));
    await clock.advance(50);
    bad.probes = { kind: "ok" };
    await federation.checkNow(bad.id);
    const startMs = clock.monotonicMs();
    expect(await clock.run(reading)).toMatchObject({ origin: bad.id });
    expect(clock.monotonicMs() - startMs).toBeLessThanOrEqual(50);
    await federation.close();
  });
});
