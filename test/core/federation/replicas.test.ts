import { describe, expect, test } from "bun:test";
import type { ReplicaMatch } from "../../../src/core/catalog/catalog.ts";
import { ReplicaJudge } from "../../../src/core/federation/replicas.ts";
import { REMEMBERED_FILES } from "../../../src/core/limits.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";
import { fail, hang, ScriptedOrigin, short } from "./scripted_origin.ts";
import { EventLog, type FederateOptions, federate, id, someBytes, TestFile } from "./setting.ts";

const PROVED: FederateOptions = {
  read: { readDeadlineMs: 30_000, hedge: true, failover: "proved" },
};

const SIZE = 200_000;

/** A file read from `a` up to its middle, whose other replica is `match`. */
async function halfRead(match: ReplicaMatch, options: FederateOptions = {}) {
  const setting = await federate(["a", "b"], options);
  const [a, b] = setting.origins;
  const file = new TestFile(someBytes(SIZE), [
    [a, "proved"],
    [b, match],
  ]);
  file.kept = [
    { offsetBytes: 0, bytes: file.content.slice(0, 4096) },
    { offsetBytes: 100_000, bytes: file.content.slice(100_000, 104_096) },
  ];
  const into = new Uint8Array(1000);
  const read = () => setting.clock.run(setting.federation.read(file, 150_000, into));
  return { ...setting, a, b, file, into, read };
}

describe("which replicas may stand in (FR-13.4)", () => {
  const cases: [ReplicaMatch, FederateOptions, boolean, boolean][] = [
    ["proved", {}, true, true],
    ["probable", {}, true, false],
    ["unverified", {}, true, false],
    ["different", {}, false, false],
    ["proved", PROVED, true, true],
    ["probable", PROVED, false, false],
    ["unverified", PROVED, false, false],
    ["different", PROVED, false, false],
  ];
  for (const [match, options, serves, proved] of cases) {
    test(`a ${match} one ${serves ? "does" : "does not"} with failover = "${options.read?.failover ?? "probable"}"`, async () => {
      const { a, b, read, into, file, federation } = await halfRead(match, options);
      a.reads = fail("credentials");
      if (serves) {
        expect(await read()).toMatchObject({ origin: b.id, proved });
        expect(into).toEqual(file.content.slice(150_000, 151_000));
      } else {
        await expect(read()).rejects.toMatchObject({ code: "credentials" });
        expect(b.readCalls).toEqual([]);
      }
      await federation.close();
    });
  }

  test("one of another size never does, whatever the catalog says of it", async () => {
    const { a, b, read, file, federation } = await halfRead("proved");
    file.held = file.held.map((replica) =>
      replica.origin === b.id
        ? { ...replica, originVersion: { ...replica.originVersion, sizeBytes: SIZE + 1 } }
        : replica,
    );
    a.reads = fail("credentials");
    await expect(read()).rejects.toMatchObject({ code: "credentials" });
    expect(b.readCalls).toEqual([]);
    await federation.close();
  });

  test("a proved one goes before a probable one of the same priority, however fast that is", async () => {
    const { clock, federation, origins } = await federate(["a", "b"], { priorities: [5, 5] });
    const [a, b] = origins;
    const file = new TestFile(someBytes(10), [
      [a, "proved"],
      [b, "probable"],
    ]);
    for (let n = 0; n < 5; n++) federation.router.recordLatency(a.id, 90, 0);
    const read = () => clock.run(federation.read(file, 0, new Uint8Array(10)));
    expect(await read()).toMatchObject({ origin: a.id });
    file.held = file.held.map((replica) => ({ ...replica, match: "proved" }));
    expect(await read()).toMatchObject({ origin: b.id });
    await federation.close();
  });
});

describe("the seam check", () => {
  test("reads what the handle was served, of the replica's version, and then the data", async () => {
    const { a, b, read, file, federation } = await halfRead("unverified");
    a.reads = fail("connection");
    await read();
    const version = file.held[1]?.originVersion;
    expect(
      b.readCalls.map((call) => [call.offsetBytes, call.into.byteLength, call.options.version]),
    ).toEqual([
      [0, 4096, version],
      [100_000, 4096, version],
      [150_000, 1000, version],
    ]);
    await federation.close();
  });

  test("is done once per pair of versions, and not at all while it is not needed", async () => {
    const { a, b, read, file, federation } = await halfRead("unverified");
    await read();
    expect([file.seamsAsked, b.readCalls.length]).toEqual([0, 0]);
    a.reads = fail("connection");
    for (let n = 0; n < 4; n++) await read();
    expect(b.readCalls).toHaveLength(2 + 4);
    expect(file.seamsAsked).toBe(1);
    await federation.close();
  });

  test("lets nothing in without seams, nor waits for such a replica", async () => {
    const { a, b, read, file, federation, clock } = await halfRead("unverified");
    file.kept = [];
    a.nextReads.push(fail("connection"));
    const startMs = clock.monotonicMs();
    expect(await read()).toMatchObject({ origin: a.id });
    expect(clock.monotonicMs() - startMs).toBe(100);
    expect(b.readCalls).toEqual([]);
    await federation.close();
  });

  test("finds other bytes: told once, never used again, and the catalog knows (F-10)", async () => {
    const { a, b, read, file, events, findings, federation } = await halfRead("unverified");
    b.content = file.content.slice();
    b.content[102_000] = (b.content[102_000] ?? 0) ^ 1;
    a.reads = fail("credentials");
    for (let n = 0; n < 3; n++) await expect(read()).rejects.toMatchObject({ code: "credentials" });
    expect(b.readCalls.map(({ offsetBytes }) => offsetBytes)).toEqual([0, 100_000]);
    expect(events.of("replica_mismatch")).toEqual([
      { type: "replica_mismatch", path: file.path, origins: [a.id, b.id], how: "seam" },
    ]);
    expect(findings.different).toEqual([[1, 2]]);
    expect(federation.health.consecutiveFailures(b.id)).toBe(0);
    await federation.close();
  });

  test("that fails is a failed try: retried, and its origin's failure", async () => {
    const { a, b, read, federation } = await halfRead("unverified");
    a.reads = fail("credentials");
    b.nextReads.push(fail("connection"), short(10));
    expect(await read()).toMatchObject({ origin: b.id, failures: 3 });
    expect(b.readCalls.map(({ offsetBytes }) => offsetBytes)).toEqual([0, 0, 0, 100_000, 150_000]);
    await federation.close();
  });

  test("that hangs is left like any try", async () => {
    const { clock, federation, origins } = await federate(["a", "b", "c"]);
    const [a, b, c] = origins;
    const file = new TestFile(someBytes(1000), [
      [a, "proved"],
      [b, "unverified"],
      [c, "unverified"],
    ]);
    file.kept = [{ offsetBytes: 0, bytes: file.content.slice(0, 10) }];
    a.reads = fail("credentials");
    b.reads = hang;
    const startMs = clock.monotonicMs();
    expect(await clock.run(federation.read(file, 0, new Uint8Array(10)))).toMatchObject({
      origin: c.id,
    });
    expect(clock.monotonicMs() - startMs).toBe(1000);
    await federation.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("comes before any delay is slept (NFR-7.3)", async () => {
    const { a, b, read, clock, federation } = await halfRead("unverified");
    a.reads = fail("connection");
    const startMs = clock.monotonicMs();
    expect(await read()).toMatchObject({ origin: b.id });
    expect(clock.monotonicMs()).toBe(startMs);
    await federation.close();
  });

  test("is asked for when all sure replicas are unhealthy", async () => {
    const { a, b, read, clock, federation } = await halfRead("unverified");
    a.probes = fail("connection");
    for (let n = 0; n < 3; n++) await clock.run(federation.checkNow(a.id));
    expect(await read()).toMatchObject({ origin: b.id, failedOver: a.id, proved: false });
    expect(a.readCalls).toEqual([]);
    await federation.close();
  });

  test("is remembered for a bounded number of pairs", async () => {
    const judge = new ReplicaJudge("probable", new EventLog(), () => undefined);
    const origin = new ScriptedOrigin("b", new VirtualClock());
    const file = new TestFile(someBytes(10), [[origin, "unverified"]]);
    const [held] = file.held;
    if (!held) throw new Error("the file has a replica");
    const seams = [{ offsetBytes: 0, bytes: file.content }];
    const { signal } = new AbortController();
    for (let version = 2; version < REMEMBERED_FILES + 100; version++) {
      await judge.verify(file, { ...held, version }, origin, seams, signal);
    }
    expect(judge.size).toBe(REMEMBERED_FILES);
    expect(judge.standing(file, { ...held, version: 2 })).toBe("unverified");
    expect(judge.standing(file, { ...held, version: REMEMBERED_FILES })).toBe("probable");
    expect(held.origin).toBe(id("b"));
  });
});
