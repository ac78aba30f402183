import { describe, expect, test } from "bun:test";
import type { Federation } from "../../../src/core/federation/federation.ts";
import { FIRST_BYTE_READ_BYTES, SWITCH_MIN_SAMPLES } from "../../../src/core/limits.ts";
import { settle, type VirtualClock } from "../../support/virtual_clock.ts";
import { deaf, fail, hang, type ScriptedOrigin, slow } from "./scripted_origin.ts";
import { federate, id, provedOn, someBytes, TestFile, timed } from "./setting.ts";

const DEADLINE_MS = 30_000;

/** Enough quick reads that the origin's p95 is known to be `ms`. */
async function warm(
  clock: VirtualClock,
  federation: Federation,
  origin: ScriptedOrigin,
  ms: number,
) {
  origin.reads = slow(ms);
  const file = provedOn(origin);
  for (let n = 0; n < 20; n++) await clock.run(federation.read(file, 0, new Uint8Array(1)));
}

/** Uses up the share of reads that may be asked of a second origin. */
async function hedgeUp(
  clock: VirtualClock,
  federation: Federation,
  a: ScriptedOrigin,
  b: ScriptedOrigin,
) {
  const file = provedOn(a, b);
  while (federation.readCounts.hedges === 0) {
    a.nextReads.push(hang);
    a.reads = slow(30);
    const stuck = federation.read(file, 0, new Uint8Array(10));
    await Promise.all([clock.run(stuck), federation.read(provedOn(a), 0, new Uint8Array(10))]);
  }
}

describe("a silent origin", () => {
  test("is left for another replica after the p95 of its reads, and has failed (F-8)", async () => {
    const { federation, clock, origins, events } = await federate(["a", "b"]);
    const [a, b] = origins;
    await warm(clock, federation, a, 200);
    a.reads = hang;
    const file = provedOn(a, b);
    const into = new Uint8Array(1000);
    const read = await timed(clock, federation.read(file, 0, into));
    expect(read).toMatchObject({ value: { origin: b.id, failures: 1, failedOver: a.id } });
    expect(read.tookMs).toBe(200);
    expect(into).toEqual(file.content);
    expect(federation.health.health(a)).toMatchObject({ consecutiveFailures: 1 });
    expect(events.of("failover")[0]?.reason).toContain("did not answer a read within 200 ms");
    await settle();
    expect(a.active).toBe(0);
    await federation.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("is left after a second at the latest, and longer for larger reads", async () => {
    for (const portions of [1, 4]) {
      const { federation, clock, origins } = await federate(["a", "b"]);
      const [a, b] = origins;
      a.reads = deaf;
      const length = portions * FIRST_BYTE_READ_BYTES;
      const file = new TestFile(someBytes(length), [
        [a, "proved"],
        [b, "proved"],
      ]);
      const read = await timed(clock, federation.read(file, 0, new Uint8Array(length)));
      expect(read).toMatchObject({ status: "fulfilled", tookMs: portions * 1000 });
      await federation.close();
    }
  });

  test("leaves half of a short deadline to the others, however large the read (NFR-7.2, F-8)", async () => {
    for (const alive of [false, true]) {
      const { federation, clock, origins } = await federate(["a", "b"], {
        read: { readDeadlineMs: 2000, hedge: true, failover: "probable" },
      });
      const [a, b] = origins;
      const length = 4 * FIRST_BYTE_READ_BYTES;
      const file = new TestFile(someBytes(length), [
        [a, "proved"],
        [b, "proved"],
      ]);
      if (alive) {
        a.nextReads.push(hang, slow(10));
        a.reads = hang;
      } else a.reads = hang;
      const reading = timed(clock, federation.read(file, 0, new Uint8Array(length)));
      if (alive) void federation.read(provedOn(a), 0, new Uint8Array(1));
      expect(await reading).toMatchObject({ status: "fulfilled", tookMs: 1000 });
      await federation.close();
    }
  });

  test("still wins with its late answer when the other one fails, and is well again", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    a.nextReads.push(slow(4000));
    b.reads = slow(500, fail("connection"));
    const file = provedOn(a, b);
    const into = new Uint8Array(1000);
    const read = await timed(clock, federation.read(file, 0, into));
    // b is tried at 1000, 1600, 2600 (500 each) and 5100 at the latest; a answers at 4000.
    expect(read).toMatchObject({ value: { origin: a.id }, tookMs: 4000 });
    expect(into).toEqual(file.content);
    expect(a.readCalls).toHaveLength(1);
    expect(federation.health.consecutiveFailures(a.id)).toBe(0);
    await federation.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("is left after a second of silence by a long read, too, though it answered others at first", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    const long = new TestFile(someBytes(4 * FIRST_BYTE_READ_BYTES), [
      [a, "proved"],
      [b, "proved"],
    ]);
    const read = () => federation.read(long, 0, new Uint8Array(long.content.byteLength));
    for (let n = 0; n < SWITCH_MIN_SAMPLES; n++) await clock.run(read());
    await hedgeUp(clock, federation, a, b);
    for (const origin of origins) origin.content = long.content;
    a.nextReads.push(hang);
    a.reads = slow(100);
    const stuck = read();
    const other = read();
    expect(await timed(clock, stuck)).toMatchObject({
      value: { origin: b.id, failures: 1 },
      tookMs: 1100,
    });
    expect(await other).toMatchObject({ origin: a.id });
    await federation.close();
  });

  test("that answers others is merely slow: no failure, and beyond hedging it gets the full second", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    await warm(clock, federation, a, 60);
    await hedgeUp(clock, federation, a, b);
    a.nextReads.push(hang);
    a.reads = slow(30);
    const stuck = federation.read(provedOn(a, b), 0, new Uint8Array(10));
    const other = federation.read(provedOn(a), 0, new Uint8Array(10));
    expect(await timed(clock, stuck)).toMatchObject({
      value: { origin: b.id, failures: 1 },
      tookMs: 1000,
    });
    expect(await other).toMatchObject({ origin: a.id });
    expect(federation.health.consecutiveFailures(a.id)).toBe(0);
    await federation.close();
  });

  test("is not left when nobody else could serve", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    a.reads = slow(12_000);
    const file = provedOn(a, b);
    b.nextReads.push(fail("not_found"));
    // b is gone for this read: a may take its time from its second try on.
    a.nextReads.push(fail("connection"));
    const read = await timed(clock, federation.read(file, 0, new Uint8Array(10)));
    expect(read).toMatchObject({ value: { origin: a.id }, tookMs: 12_100 });
    await federation.close();
  });

  test("last in its round is left for one that failed before and may be retried", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    a.nextReads.push(fail("connection"));
    b.reads = deaf;
    const read = await timed(clock, federation.read(provedOn(a, b), 0, new Uint8Array(10)));
    expect(read).toMatchObject({ value: { origin: a.id, failures: 2 }, tookMs: 1100 });
    await federation.close();
  });

  test("gets an equal share of the time with hedge = false", async () => {
    const { federation, clock, origins } = await federate(["a", "b", "c"], {
      read: { readDeadlineMs: DEADLINE_MS, hedge: false, failover: "probable" },
    });
    const [a, b, c] = origins;
    a.reads = deaf;
    b.reads = deaf;
    const read = await timed(clock, federation.read(provedOn(a, b, c), 0, new Uint8Array(10)));
    // a has a third of the 30 s, b half of what remains.
    expect(read).toMatchObject({ value: { origin: c.id }, tookMs: 20_000 });
    await federation.close();
  });
});

describe("a try that was left waiting", () => {
  test("counts once, however it ends", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    a.nextReads.push(slow(1200, fail("connection")));
    b.reads = slow(800);
    const outcome = await clock.run(federation.read(provedOn(a, b), 0, new Uint8Array(10)));
    expect(outcome).toMatchObject({ origin: b.id, failures: 1 });
    expect(federation.health.consecutiveFailures(a.id)).toBe(1);
    await federation.close();
  });

  test("may be retried once it failed, in the rounds that are left", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    a.nextReads.push(slow(5000, fail("connection")));
    b.reads = fail("not_found");
    const startMs = clock.monotonicMs();
    const file = provedOn(a, b);
    b.nextReads.push(slow(100, fail("not_found")));
    expect(await clock.run(federation.read(file, 0, new Uint8Array(10)))).toMatchObject({
      origin: a.id,
    });
    expect(a.readCalls.map(({ atMs }) => atMs - startMs)).toEqual([0, 5100]);
    await federation.close();
  });

  test("is nobody's news when it ends after its read did", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    // Deaf to the abort, it answers in the end.
    a.nextReads.push(deaf);
    a.read = async (_path, _offset, into) => {
      await new Promise<void>((resolve) => void clock.schedule(3000, resolve));
      return into.byteLength;
    };
    await clock.run(federation.read(provedOn(a, b), 0, new Uint8Array(10)));
    await clock.advance(4000);
    expect(federation.health.status(a.id)).toBe("degraded");
    expect(federation.router.latency(a.id)?.count).toBe(1);
    await federation.close();
  });

  test("gives way to sure replicas before those that need a seam check", async () => {
    const { federation, clock, origins } = await federate(["a", "b", "c"]);
    const [a, b, c] = origins;
    a.reads = hang;
    const file = new TestFile(someBytes(100), [
      [a, "proved"],
      [b, "unverified"],
      [c, "proved"],
    ]);
    file.kept = [{ offsetBytes: 0, bytes: file.content.slice(0, 10) }];
    expect(await clock.run(federation.read(file, 0, new Uint8Array(10)))).toMatchObject({
      origin: c.id,
      proved: true,
    });
    expect(b.readCalls).toEqual([]);
    await federation.close();
  });

  test("is not left when all others have had their four tries", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    a.reads = fail("io");
    b.nextReads.push(fail("io"), fail("io"), fail("io"), slow(5000));
    const outcome = await clock.run(federation.read(provedOn(a, b), 0, new Uint8Array(10)));
    expect(outcome).toMatchObject({ origin: b.id, failures: 7 });
    expect(federation.health.consecutiveFailures(b.id)).toBe(0);
    await federation.close();
  });
});

describe("the deadline of a read (NFR-7.2)", () => {
  for (const [name, behaviour] of [
    ["hangs", hang],
    ["hangs and is deaf", deaf],
  ] as const) {
    test(`ends a read of an origin that ${name}, which is a failure of it`, async () => {
      const { federation, clock, origins, events } = await federate(["a"]);
      const [a] = origins;
      a.reads = behaviour;
      const read = await timed(clock, federation.read(provedOn(a), 0, new Uint8Array(10)));
      expect(read).toMatchObject({
        status: "rejected",
        reason: { code: "deadline_exceeded", cause: { code: "timeout" } },
        tookMs: DEADLINE_MS,
      });
      expect(federation.health.consecutiveFailures(a.id)).toBe(1);
      expect(events.of("file_unavailable")).toHaveLength(1);
      await settle();
      expect(a.active).toBe(0);
      await federation.close();
      expect(clock.pendingTimers).toBe(0);
    });
  }

  test("includes tries, delays and all replicas, whatever the mixture", async () => {
    const { federation, clock, origins } = await federate(["a", "b", "c"]);
    const [a, b, c] = origins;
    a.reads = slow(9000, fail("connection"));
    b.reads = slow(7000, fail("io"));
    c.reads = deaf;
    const read = await timed(clock, federation.read(provedOn(a, b, c), 0, new Uint8Array(10)));
    expect(read).toMatchObject({ status: "rejected", reason: { code: "deadline_exceeded" } });
    expect(read.tookMs).toBeLessThanOrEqual(DEADLINE_MS);
    await federation.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("does not sleep a delay that would outlast it", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    const [a] = origins;
    a.reads = slow(100, fail("connection"));
    const limits = { deadlineMs: 1500 };
    const read = await timed(clock, federation.read(provedOn(a), 0, new Uint8Array(10), limits));
    expect(read).toMatchObject({
      reason: { code: "deadline_exceeded", cause: { code: "connection" } },
      tookMs: 900,
    });
    expect(a.readCalls).toHaveLength(3);
    await federation.close();
  });

  test("is what ended a read that could not look at the time before it was over", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    const [a] = origins;
    a.reads = slow(100, fail("connection"));
    const limits = { deadlineMs: 200 };
    const reading = timed(clock, federation.read(provedOn(a), 0, new Uint8Array(1), limits));
    await settle();
    clock.stall(300);
    expect(await reading).toMatchObject({ reason: { code: "deadline_exceeded" } });
    expect(a.readCalls).toHaveLength(1);
    await federation.close();
  });

  test("can be shorter for one read, never longer", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    const [a] = origins;
    a.reads = deaf;
    const read = (deadlineMs: number) =>
      timed(clock, federation.read(provedOn(a), 0, new Uint8Array(1), { deadlineMs }));
    expect((await read(700)).tookMs).toBe(700);
    // It had no fair chance: silence shorter than its patience is no failure.
    expect(federation.health.consecutiveFailures(a.id)).toBe(0);
    expect((await read(99_000)).tookMs).toBe(DEADLINE_MS);
    await federation.close();
  });
});

describe("a cancelled read", () => {
  test("ends at once, aborts its tries, and is nobody's failure", async () => {
    for (const abortAtMs of [0, 50, 1500]) {
      const { federation, clock, origins, events } = await federate(["a", "b"]);
      for (const origin of origins) origin.reads = hang;
      const abort = new AbortController();
      clock.schedule(abortAtMs, () => abort.abort("enough"));
      const { signal } = abort;
      const reading = federation.read(provedOn(...origins), 0, new Uint8Array(10), { signal });
      const read = await timed(clock, reading);
      expect(read).toMatchObject({
        status: "rejected",
        reason: { code: "cancelled", cause: "enough" },
        tookMs: abortAtMs,
      });
      await settle();
      expect(origins.map(({ active }) => active)).toEqual([0, 0]);
      expect(events.of("file_unavailable")).toEqual([]);
      expect(federation.health.consecutiveFailures(id("b"))).toBe(0);
      await federation.close();
      expect(clock.pendingTimers).toBe(0);
    }
  });

  test("leaves no listener on its signal, nor does one that goes well (F-9)", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...call: Parameters<typeof add>) => {
      listeners++;
      add(...call);
    };
    signal.removeEventListener = (...call: Parameters<typeof remove>) => {
      listeners--;
      remove(...call);
    };
    const read = () =>
      clock.run(federation.read(provedOn(origins[0]), 0, new Uint8Array(1), { signal }));
    await read();
    origins[0].reads = fail("credentials");
    await expect(read()).rejects.toMatchObject({ code: "credentials" });
    expect(listeners).toBe(0);
    await federation.close();
  });

  test("asks nobody when it was cancelled before it began", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    const signal = AbortSignal.abort("never mind");
    const reading = federation.read(provedOn(origins[0]), 0, new Uint8Array(10), { signal });
    expect((await timed(clock, reading)).status).toBe("rejected");
    expect(origins[0].readCalls).toEqual([]);
    await federation.close();
  });
});
