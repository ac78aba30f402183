import { describe, expect, test } from "bun:test";
import { ROOT_PATH } from "../../../src/core/bytes.ts";
import { wrapOrigin } from "../../../src/core/origins/build.ts";
import { settle } from "../../support/virtual_clock.ts";
import { hang, slow } from "./scripted_origin.ts";
import { federate, provedOn } from "./setting.ts";

const LIMITS = {
  operationTimeoutMs: 30_000,
  maxConcurrency: 1,
  bandwidthLimitBytesPerSec: undefined,
};

/** Two origins, of which the better one does so much at once, or takes so many bytes a second. */
async function federateLimited(limits: Partial<typeof LIMITS> & { bandwidth?: number }) {
  const made = await federate(["a", "b"]);
  const { federation, clock, origins } = made;
  const [a] = origins;
  await federation.remove(a.id);
  const { bandwidth: bandwidthLimitBytesPerSec, ...rest } = limits;
  const settings = { ...LIMITS, ...rest, bandwidthLimitBytesPerSec };
  const limited = wrapOrigin(a, settings, { clock });
  federation.add(limited, { priority: 0 });
  await settle();
  return { ...made, limited };
}

describe("a read that waits for its turn", () => {
  test("goes to another replica in time, and is no failure of the origin (F-8)", async () => {
    const { federation, clock, origins } = await federateLimited({});
    const [a, b] = origins;
    const file = provedOn(a, b);
    // Somebody else's reads of the same origin, one after the other, of which none hangs.
    a.reads = slow(900);
    const others = [1, 2, 3].map(() => federation.read(provedOn(a), 0, new Uint8Array(10)));
    await settle();
    const read = await clock.run(federation.read(file, 0, new Uint8Array(10)));
    expect(read.origin).toBe(b.id);
    expect(federation.health.health(a)).toMatchObject({ status: "healthy" });
    await clock.run(Promise.all(others));
    await federation.close();
  });

  test("behind what hangs is no failure, but the end of that is one", async () => {
    const { federation, clock, origins } = await federateLimited({});
    const [a, b] = origins;
    const file = provedOn(a, b);
    a.reads = hang;
    const stuck = federation.read(provedOn(a), 0, new Uint8Array(10)).catch(() => undefined);
    await settle();
    for (let read = 0; read < 5; read++) {
      const { origin } = await clock.run(federation.read(file, 0, new Uint8Array(10)));
      expect(origin).toBe(b.id);
    }
    expect(federation.health.consecutiveFailures(a.id)).toBe(0);
    await clock.run(stuck);
    expect(federation.health.consecutiveFailures(a.id)).toBeGreaterThan(0);
    await federation.close();
  });

  test("has failed when the origin is silent once it was asked", async () => {
    const { federation, clock, origins } = await federateLimited({});
    const [a, b] = origins;
    const file = provedOn(a, b);
    a.nextReads.push(slow(100), hang);
    const first = federation.read(provedOn(a), 0, new Uint8Array(10));
    await settle();
    const read = federation.read(file, 0, new Uint8Array(10));
    await clock.run(first);
    expect((await clock.run(read)).origin).toBe(b.id);
    // The origin answered since the read began to wait: merely slow, so far.
    expect(federation.health.consecutiveFailures(a.id)).toBe(0);
    a.reads = hang;
    expect((await clock.run(federation.read(file, 0, new Uint8Array(10)))).origin).toBe(b.id);
    expect(federation.health.consecutiveFailures(a.id)).toBe(1);
    await federation.close();
  });

  test("is a sample of the time from its turn on, not of the wait (F-2)", async () => {
    const { federation, clock, origins } = await federateLimited({});
    const [a] = origins;
    a.reads = slow(300);
    const reads = [1, 2, 3].map(() => federation.read(provedOn(a), 0, new Uint8Array(10)));
    await clock.run(Promise.all(reads));
    const report = federation.report().find(({ id }) => id === a.id);
    expect(report).toMatchObject({ latencyP99Ms: 300, lastLatencyMs: 300 });
    await federation.close();
  });

  test("for its share of bandwidth is no failure of the origin either", async () => {
    const { federation, clock, origins } = await federateLimited({
      maxConcurrency: 8,
      bandwidth: 100,
    });
    const [a, b] = origins;
    const file = provedOn(a, b);
    await clock.run(federation.read(provedOn(a), 0, new Uint8Array(1000)));
    expect((await clock.run(federation.read(file, 0, new Uint8Array(10)))).origin).toBe(b.id);
    expect(federation.health.health(a)).toMatchObject({ status: "healthy" });
    await federation.close();
  });

  test("is asked while listings that hang hold the turns that they may have", async () => {
    const { federation, clock, origins, limited } = await federateLimited({ maxConcurrency: 4 });
    const [a] = origins;
    a.listings = hang;
    const listings = Array.from({ length: 8 }, () =>
      limited.list(ROOT_PATH)[Symbol.asyncIterator]().next(),
    );
    const ended = Promise.allSettled(listings);
    await settle();
    const startedMs = clock.monotonicMs();
    const read = await clock.run(federation.read(provedOn(a), 0, new Uint8Array(10)));
    expect([read.origin, clock.monotonicMs() - startedMs]).toEqual([a.id, 0]);
    await federation.close();
    await limited.close();
    await clock.run(ended);
  });
});
