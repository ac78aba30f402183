import { describe, expect, test } from "bun:test";
import type { Federation } from "../../../src/core/federation/federation.ts";
import { HEDGE_SHARE } from "../../../src/core/limits.ts";
import type { VirtualClock } from "../../support/virtual_clock.ts";
import { fail, hang, type ScriptedOrigin, slow } from "./scripted_origin.ts";
import { federate, provedOn, type TestFile, timed } from "./setting.ts";

const settings = { readDeadlineMs: 30_000, hedge: true, failover: "probable" } as const;

/** So many quick reads of the origin, from which p95 and the share of hedges follow. */
async function warm(
  clock: VirtualClock,
  federation: Federation,
  origin: ScriptedOrigin,
  reads: number,
) {
  origin.reads = slow(60);
  const file = provedOn(origin);
  for (let n = 0; n < reads; n++) await clock.run(federation.read(file, 0, new Uint8Array(1)));
}

/** A read that takes `origin` long, beside another that it answers at once: it is merely slow. */
function slowRead(federation: Federation, file: TestFile, origin: ScriptedOrigin, ms: number) {
  origin.nextReads.push(Number.isFinite(ms) ? slow(ms) : hang);
  origin.reads = slow(10);
  const read = federation.read(file, 0, new Uint8Array(10));
  void federation.read(provedOn(origin), 0, new Uint8Array(10));
  return read;
}

describe("a slow origin that is alive", () => {
  test("is overtaken by another that is asked beside it: no failure, no failover", async () => {
    const { federation, clock, origins, events } = await federate(["a", "b"]);
    const [a, b] = origins;
    await warm(clock, federation, a, 40);
    b.reads = slow(20);
    const read = await timed(clock, slowRead(federation, provedOn(a, b), a, 900));
    expect(read).toMatchObject({ value: { origin: b.id, hedged: true, failures: 0 }, tookMs: 80 });
    expect(read).not.toHaveProperty("value.failedOver");
    expect(events.of("failover")).toEqual([]);
    expect(federation.health.consecutiveFailures(a.id)).toBe(0);
    expect(federation.readCounts).toMatchObject({ hedges: 1, hedgesWon: 1 });
    await clock.advance(1);
    expect(a.active + b.active).toBe(0);
    await federation.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("still wins when it answers first", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    await warm(clock, federation, a, 40);
    b.reads = slow(500);
    const read = await timed(clock, slowRead(federation, provedOn(a, b), a, 100));
    expect(read).toMatchObject({ value: { origin: a.id, hedged: true }, tookMs: 100 });
    expect(federation.readCounts).toMatchObject({ hedges: 1, hedgesWon: 0 });
    await federation.close();
  });

  test("is waited for when the other one fails", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    await warm(clock, federation, a, 40);
    b.reads = fail("not_found");
    const read = await timed(clock, slowRead(federation, provedOn(a, b), a, 800));
    expect(read).toMatchObject({ value: { origin: a.id, failures: 1 }, tookMs: 800 });
    await federation.close();
  });

  test("costs others at most five reads of a hundred", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    await warm(clock, federation, a, 20);
    b.reads = slow(5);
    for (let n = 0; n < 200; n++) {
      await clock.run(slowRead(federation, provedOn(a, b), a, Number.POSITIVE_INFINITY));
      const { reads, hedges } = federation.readCounts;
      expect(hedges).toBeLessThanOrEqual(HEDGE_SHARE * reads);
    }
    const { reads, hedges } = federation.readCounts;
    expect(hedges).toBeGreaterThan(0.9 * HEDGE_SHARE * reads);
    await federation.close();
  });

  test("has no other beside it for reads in the background, nor with hedge = false", async () => {
    for (const hedge of [true, false]) {
      const { federation, clock, origins } = await federate(["a", "b"], {
        read: { ...settings, hedge },
      });
      const [a, b] = origins;
      await warm(clock, federation, a, 40);
      a.nextReads.push(slow(500));
      a.reads = slow(10);
      const limits = { background: hedge };
      const read = federation.read(provedOn(a, b), 0, new Uint8Array(10), limits);
      void federation.read(provedOn(a), 0, new Uint8Array(10));
      expect(await clock.run(read)).toMatchObject({ origin: a.id, hedged: false });
      expect(federation.readCounts.hedges).toBe(0);
      await federation.close();
    }
  });
});

describe("a read in the background", () => {
  const background = { background: true };

  test("fails over, but retries nothing and tells nobody of its failure", async () => {
    const { federation, clock, origins, events } = await federate(["a", "b"]);
    const [a, b] = origins;
    a.reads = fail("connection");
    const file = provedOn(a, b);
    const read = () => timed(clock, federation.read(file, 0, new Uint8Array(10), background));
    expect(await read()).toMatchObject({ value: { origin: b.id, failures: 1 }, tookMs: 0 });
    b.reads = fail("connection");
    expect(await read()).toMatchObject({ status: "rejected", tookMs: 0 });
    expect(events.of("file_unavailable")).toEqual([]);
    expect(a.readCalls.length + b.readCalls.length).toBe(4);
    await federation.close();
  });

  test("leaves the trial of an unhealthy origin to reads that somebody waits for (F-4)", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    const [a] = origins;
    a.reads = fail("connection");
    a.probes = hang;
    const file = provedOn(a);
    for (let n = 0; n < 3; n++) {
      await clock.run(federation.read(file, 0, new Uint8Array(10)).catch(() => undefined));
    }
    expect(federation.health.status(a.id)).toBe("unhealthy");
    a.reads = slow(10);
    const before = a.readCalls.length;
    const ahead = federation.read(file, 0, new Uint8Array(10), background);
    expect(await timed(clock, ahead)).toMatchObject({ status: "rejected", tookMs: 0 });
    expect(a.readCalls.length).toBe(before);
    expect(await clock.run(federation.read(file, 0, new Uint8Array(10)))).toMatchObject({
      origin: a.id,
    });
    await federation.close();
  });

  test("is no sample of latency, and nobody waits for it", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    const [a] = origins;
    a.reads = slow(700);
    const samples = federation.router.latency(a.id)?.count ?? 0;
    const read = federation.read(provedOn(a), 0, new Uint8Array(10), background);
    await clock.run(read);
    expect(a.readCalls[0]?.options.background).toBe(true);
    expect(federation.router.latency(a.id)?.count).toBe(samples);
    expect(federation.readCounts).toMatchObject({ reads: 0, background: 1 });
    await federation.close();
  });

  test("ends with the federation", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    const [a] = origins;
    a.reads = hang;
    const read = federation.read(provedOn(a), 0, new Uint8Array(10), background);
    await clock.advance(10);
    await federation.close();
    expect(await clock.run(read.catch((error) => error.code))).toBe("cancelled");
  });
});
