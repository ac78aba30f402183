import { describe, expect, test } from "bun:test";
import { MusicFsError, ORIGIN_ERRORS, type OriginErrorCode } from "../../../src/core/errors.ts";
import type { Federation } from "../../../src/core/federation/federation.ts";
import type { FederatedFile } from "../../../src/core/federation/file.ts";
import { FIRST_BYTE_READ_BYTES, UNAVAILABLE_EVENT_INTERVAL_MS } from "../../../src/core/limits.ts";
import type { VirtualClock } from "../../support/virtual_clock.ts";
import { fail, ScriptedOrigin, short, slow } from "./scripted_origin.ts";
import { federate, id, someBytes, TestFile } from "./setting.ts";

const CODES = Object.keys(ORIGIN_ERRORS) as OriginErrorCode[];

/** The error a read ends with. */
async function errorOf(clock: VirtualClock, federation: Federation, file: FederatedFile) {
  const reading = federation.read(file, 0, new Uint8Array(file.sizeBytes));
  const error = await clock.run(
    reading.then(
      () => undefined,
      (thrown: unknown) => thrown,
    ),
  );
  if (error instanceof MusicFsError) return error;
  throw new Error(`not an error of ours: ${error}`);
}

const provedOn = (...origins: ScriptedOrigin[]) =>
  new TestFile(
    someBytes(1000),
    origins.map((origin) => [origin, "proved"] as const),
  );

describe("a read that goes well", () => {
  test("asks one origin once, for the replica's path and version", async () => {
    const { federation, clock, origins, events } = await federate(["a", "b"]);
    const [a, b] = origins;
    const file = provedOn(a, b);
    const into = new Uint8Array(300);
    const outcome = await clock.run(federation.read(file, 200, into));
    expect(outcome).toEqual({
      bytesRead: 300,
      origin: a.id,
      failures: 0,
      hedged: false,
      proved: true,
    });
    expect(into).toEqual(file.content.slice(200, 500));
    expect(a.readCalls).toHaveLength(1);
    expect(a.readCalls[0]).toMatchObject({
      path: file.held[0]?.path,
      offsetBytes: 200,
      options: { version: file.held[0]?.originVersion },
    });
    expect(b.readCalls).toEqual([]);
    expect(events.of("failover")).toEqual([]);
    await federation.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("ends at the end of the file, and asks nobody beyond it", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    const [a] = origins;
    const file = provedOn(a);
    const into = new Uint8Array(100).fill(7);
    expect(await clock.run(federation.read(file, 990, into))).toMatchObject({ bytesRead: 10 });
    expect(into.slice(0, 10)).toEqual(file.content.slice(990));
    expect(into.slice(10)).toEqual(new Uint8Array(90).fill(7));
    expect(a.readCalls[0]?.into.byteLength).toBe(10);
    for (const offset of [1000, 5000]) {
      expect(await clock.run(federation.read(file, offset, into))).toMatchObject({ bytesRead: 0 });
    }
    expect(await clock.run(federation.read(file, 0, new Uint8Array(0)))).toMatchObject({
      bytesRead: 0,
      origin: a.id,
    });
    expect(a.readCalls).toHaveLength(1);
    await federation.close();
  });

  test("is a success and, up to 256 KiB, a latency sample of its origin (F-2)", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    const [a] = origins;
    const file = new TestFile(someBytes(FIRST_BYTE_READ_BYTES + 1), [[a, "proved"]]);
    const latency = () => federation.router.latency(a.id);
    a.reads = slow(30);
    await clock.run(federation.read(file, 0, new Uint8Array(FIRST_BYTE_READ_BYTES)));
    expect([latency()?.count, latency()?.lastLatencyMs]).toEqual([2, 30]);
    await clock.run(federation.read(file, 0, new Uint8Array(FIRST_BYTE_READ_BYTES + 1)));
    expect(latency()?.count).toBe(2);
    await federation.close();
  });
});

describe("a read whose origin fails", () => {
  test("goes through every usable replica before it sleeps, then round by round (NFR-7.3)", async () => {
    const { federation, clock, origins } = await federate(["a", "b", "c"]);
    const startMs = clock.monotonicMs();
    for (const origin of origins) origin.reads = fail("connection");
    const error = await errorOf(clock, federation, provedOn(...origins));
    expect(error).toMatchObject({ code: "max_retries_exceeded", cause: { originId: "c" } });
    for (const origin of origins) {
      expect(origin.readCalls.map(({ atMs }) => atMs - startMs)).toEqual([0, 100, 600, 2600]);
    }
    await federation.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("retries in the order of health at that moment", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    a.nextReads.push(fail("connection"));
    // No failure of the origin's: b stays healthy and is first in the second round.
    b.nextReads.push(fail("io"));
    const outcome = await clock.run(federation.read(provedOn(a, b), 0, new Uint8Array(10)));
    expect(outcome).toMatchObject({ origin: b.id, failures: 2 });
    expect([a.readCalls.length, b.readCalls.length]).toEqual([1, 2]);
    await federation.close();
  });

  for (const code of CODES) {
    const { retryable, scope } = ORIGIN_ERRORS[code];
    test(`${code}: ${retryable ? "retries" : "does not retry"}; ${scope === "origin" ? "a failure" : "no failure"} of the origin (NFR-7.3)`, async () => {
      const { federation, clock, origins } = await federate(["a"]);
      const [a] = origins;
      a.reads = fail(code);
      const error = await errorOf(clock, federation, provedOn(a));
      expect(a.readCalls).toHaveLength(retryable ? 4 : 1);
      expect(error.code).toBe(retryable ? "max_retries_exceeded" : code);
      expect(federation.health.consecutiveFailures(a.id)).toBe(
        scope === "origin" ? a.readCalls.length : 0,
      );
      await federation.close();
    });

    test(`${code}: the next replica serves at once (F-8)`, async () => {
      const { federation, clock, origins } = await federate(["a", "b"]);
      const [a, b] = origins;
      a.reads = fail(code);
      const startMs = clock.monotonicMs();
      const file = provedOn(a, b);
      const into = new Uint8Array(1000);
      const outcome = await clock.run(federation.read(file, 0, into));
      expect(outcome).toMatchObject({ origin: b.id, failures: 1, failedOver: a.id });
      expect(into).toEqual(file.content);
      expect(clock.monotonicMs()).toBe(startMs);
      await federation.close();
    });
  }

  test("retries only those that a retry can help", async () => {
    const { federation, clock, origins } = await federate(["a", "b", "c"]);
    const [a, b, c] = origins;
    a.reads = fail("not_found");
    b.reads = fail("overloaded");
    c.reads = fail("credentials");
    const error = await errorOf(clock, federation, provedOn(a, b, c));
    expect(error).toMatchObject({ code: "max_retries_exceeded", cause: { code: "overloaded" } });
    expect(origins.map(({ readCalls }) => readCalls.length)).toEqual([1, 4, 1]);
    await federation.close();
  });

  test("ends with an origin's failure rather than one of an object, when all refused", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    a.reads = fail("not_found");
    b.reads = fail("credentials");
    expect((await errorOf(clock, federation, provedOn(a, b))).code).toBe("credentials");
    await federation.close();
  });

  test("takes a short answer for a failure, before the end of the file only (FR-13.4)", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    a.reads = short(999);
    const file = provedOn(a, b);
    const into = new Uint8Array(2000);
    const outcome = await clock.run(federation.read(file, 0, into));
    expect(outcome).toMatchObject({ origin: b.id, bytesRead: 1000 });
    expect(into.slice(0, 1000)).toEqual(file.content);
    expect(federation.health.consecutiveFailures(a.id)).toBe(0);
    await federation.close();
  });

  test("survives what an origin must not throw, and does not repeat it", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    const [a] = origins;
    a.reads = { kind: "throw", error: new TypeError("a bug") };
    const error = await errorOf(clock, federation, provedOn(a));
    expect(error).toMatchObject({ code: "internal", cause: { name: "TypeError" } });
    expect(a.readCalls).toHaveLength(1);
    await federation.close();
  });

  test("has the origin checked after an I/O error, not after each (F-4)", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    const [a] = origins;
    a.reads = fail("io");
    await errorOf(clock, federation, provedOn(a));
    expect([a.readCalls.length, a.probeCalls.length]).toEqual([4, 2]);
    expect(federation.health.status(a.id)).toBe("healthy");
    await federation.close();
  });

  test("tells whoever keeps the catalog which replica is not what it says", async () => {
    const told: unknown[] = [];
    const { federation, clock, origins } = await federate(["a", "b"], {
      onObjectError: (file, replica, { code }) => told.push([file.version, replica.origin, code]),
    });
    const [a, b] = origins;
    a.reads = fail("version_changed");
    await clock.run(federation.read(provedOn(a, b), 0, new Uint8Array(10)));
    expect(told).toEqual([[1, id("a"), "version_changed"]]);
    await federation.close();
  });

  test("is not asked again once it is disabled or gone (F-9)", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    const [a] = origins;
    a.reads = fail("connection");
    const reading = errorOf(clock, federation, provedOn(a));
    clock.schedule(50, () => federation.disable(a.id));
    expect((await reading).code).toBe("no_origin_available");
    expect(a.readCalls).toHaveLength(1);
    await federation.close();
  });

  test("that was replaced by a namesake meanwhile tells nobody anything (F-9)", async () => {
    const told: unknown[] = [];
    const { federation, clock, origins } = await federate(["a"], {
      onObjectError: (...call) => told.push(call),
    });
    const [a] = origins;
    const file = provedOn(a);
    a.nextReads.push(slow(100), slow(200, fail("denied")));
    const well = federation.read(file, 0, new Uint8Array(10));
    const ill = Promise.allSettled([federation.read(file, 0, new Uint8Array(10))]);
    await clock.advance(50);
    await federation.remove(a.id);
    federation.add(new ScriptedOrigin("a", clock));
    // Its bytes are as good as ever.
    expect(await clock.run(well)).toMatchObject({ origin: a.id });
    expect(await clock.run(ill)).toMatchObject([{ status: "rejected" }]);
    expect(federation.router.latency(a.id)?.count).toBe(1);
    expect(told).toEqual([]);
    await federation.close();
  });

  test("becomes unhealthy by its reads alone, and well again by one (F-6)", async () => {
    const { federation, clock, origins, events } = await federate(["a", "b"]);
    const [a, b] = origins;
    const file = provedOn(a, b);
    const read = () => clock.run(federation.read(file, 0, new Uint8Array(10)));
    a.reads = fail("connection");
    federation.setPriority(a.id, 0);
    // The first failure degrades it: from then on it is not asked while b is well.
    for (let n = 0; n < 5; n++) await read();
    expect(a.readCalls).toHaveLength(1);
    expect(federation.health.status(a.id)).toBe("degraded");
    expect(events.of("failover")).toHaveLength(1);
    a.reads = { kind: "ok" };
    await clock.advance(30_000);
    expect(await read()).toMatchObject({ origin: a.id });
    a.reads = fail("connection");
    await read();
    expect(events.of("failover")).toHaveLength(2);
    await federation.close();
  });
});

describe("a file nobody can serve", () => {
  test("is told once a minute, each file by itself (F-4)", async () => {
    const { federation, clock, origins, events } = await federate(["a"]);
    const [a] = origins;
    a.reads = fail("credentials");
    const file = provedOn(a);
    const told = () => events.of("file_unavailable").length;
    for (let n = 0; n < 5; n++) await errorOf(clock, federation, file);
    expect(told()).toBe(1);
    expect(events.of("file_unavailable")[0]).toMatchObject({ path: file.path });
    const other = Object.assign(provedOn(a), { path: "other" });
    await errorOf(clock, federation, other);
    expect(told()).toBe(2);
    await clock.advance(UNAVAILABLE_EVENT_INTERVAL_MS);
    await errorOf(clock, federation, file);
    expect(told()).toBe(3);
    await federation.close();
  });

  test("ends with no_origin_available at once when no enabled origin holds it", async () => {
    const { federation, clock, origins, events } = await federate(["a", "b"]);
    const [a, b] = origins;
    const file = provedOn(a, b);
    federation.disable(a.id);
    await federation.remove(b.id);
    const startMs = clock.monotonicMs();
    expect((await errorOf(clock, federation, file)).code).toBe("no_origin_available");
    expect(clock.monotonicMs()).toBe(startMs);
    expect(events.of("file_unavailable")).toHaveLength(1);
    await federation.close();
  });

  test("is not said of one that is merely missing", async () => {
    const { federation, clock, origins, events } = await federate(["a"]);
    origins[0].reads = fail("not_found");
    expect((await errorOf(clock, federation, provedOn(origins[0]))).code).toBe("not_found");
    expect(events.of("file_unavailable")).toEqual([]);
    await federation.close();
  });

  test("is told of an object that nobody gives out, which is no failure of its origin (F-10)", async () => {
    for (const code of ["archived", "denied"] as const) {
      const { federation, clock, origins, events } = await federate(["a"]);
      origins[0].reads = fail(code);
      expect((await errorOf(clock, federation, provedOn(origins[0]))).code).toBe(code);
      expect(events.of("file_unavailable")).toHaveLength(1);
      expect(federation.health.consecutiveFailures(id("a"))).toBe(0);
      await federation.close();
    }
  });
});
