import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { fingerprint } from "../../../src/core/federation/fingerprint.ts";
import { FINGERPRINT_QUEUE_FILES } from "../../../src/core/limits.ts";
import { deaf, fail, ok, slow } from "./scripted_origin.ts";
import { type FederateOptions, federate, someBytes, TestFile } from "./setting.ts";

const PROVED: FederateOptions = {
  read: { readDeadlineMs: 30_000, hedge: true, failover: "proved" },
};

const SIZE = 700_000;

async function twoReplicas(options: FederateOptions = {}) {
  const setting = await federate(["a", "b"], options);
  const [a, b] = setting.origins;
  const file = new TestFile(someBytes(SIZE), [
    [a, "proved"],
    [b, "unverified"],
  ]);
  return { ...setting, a, b, file };
}

const expected = (content: Uint8Array) =>
  fingerprint(content.byteLength, async (region) =>
    content.slice(region.offsetBytes, region.offsetBytes + region.lengthBytes),
  );

describe("FingerprintQueue", () => {
  test("finds the fingerprints of the file's own version and of those undecided", async () => {
    const { federation, clock, findings, file, b, errors } = await twoReplicas();
    b.content = someBytes(SIZE, 2);
    federation.compareReplicas(file);
    await clock.advance(1000);
    expect([...findings.fingerprints]).toEqual([
      [1, await expected(file.content)],
      [2, await expected(b.content)],
    ]);
    expect([findings.hashes.size, errors.length]).toEqual([0, 0]);
    await federation.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("reads each version once, however many origins hold it", async () => {
    const { federation, clock, findings, origins } = await federate(["a", "b", "c"]);
    const [a, b, c] = origins;
    const file = new TestFile(someBytes(1000), [
      [a, "proved"],
      [b, "proved"],
      [c, "unverified"],
    ]);
    federation.compareReplicas(file);
    await clock.advance(1000);
    expect([a, b, c].map(({ readCalls }) => readCalls.length)).toEqual([1, 0, 1]);
    expect([...findings.fingerprints.keys()]).toEqual([1, 3]);
    await federation.close();
  });

  test("hashes whole files instead where only proved replicas may stand in", async () => {
    const { federation, clock, findings, file } = await twoReplicas(PROVED);
    federation.compareReplicas(file);
    await clock.advance(1000);
    const sha256 = createHash("sha256").update(file.content).digest("hex");
    expect([...findings.hashes]).toEqual([
      [1, sha256],
      [2, sha256],
    ]);
    expect(findings.fingerprints.size).toBe(0);
    await federation.close();
  });

  test("tells of a file whose replicas cannot be told, and goes on with the others", async () => {
    const { federation, clock, findings, file, errors } = await twoReplicas();
    const unreadable = new TestFile(file.content, []);
    let looks = 0;
    unreadable.replicas = () => {
      if (looks++ > 0) throw new Error("database is locked");
      return file.replicas();
    };
    Object.assign(unreadable, { version: 99 });
    federation.compareReplicas(unreadable);
    federation.compareReplicas(file);
    await clock.advance(1000);
    expect(errors).toMatchObject([{ message: "database is locked" }]);
    expect([...findings.fingerprints.keys()]).toEqual([1, 2]);
    await federation.close();
  });

  test("reads nothing when there is nothing to find out", async () => {
    const { federation, clock, file, a, b } = await twoReplicas();
    const [own, other] = file.held;
    if (!own || !other) throw new Error("the file has two replicas");
    const bigger = { sizeBytes: SIZE + 1, token: "x" };
    for (const held of [
      [own],
      [own, { ...other, match: "proved" as const }],
      [own, { ...other, match: "probable" as const }],
      [own, { ...other, match: "different" as const }],
      [own, { ...other, originVersion: bigger }],
    ]) {
      file.held = held;
      federation.compareReplicas(file);
      await clock.advance(1000);
    }
    expect([a.readCalls.length, b.readCalls.length]).toEqual([0, 0]);
    await federation.close();
  });

  test("works on one slice of one file at a time, each file once", async () => {
    const { federation, clock, findings, file, a, b } = await twoReplicas();
    const other = Object.assign(new TestFile(file.content, []), { version: 7 });
    other.held = file.held.map((replica) => ({ ...replica, version: replica.version + 6 }));
    let most = 0;
    for (const origin of [a, b]) {
      const read = origin.read.bind(origin);
      origin.reads = slow(10);
      origin.read = async (...call) => {
        const reading = read(...call);
        most = Math.max(most, a.active + b.active);
        return reading;
      };
    }
    for (let n = 0; n < 3; n++) {
      federation.compareReplicas(file);
      federation.compareReplicas(other);
    }
    await clock.advance(10_000);
    expect(most).toBe(1);
    expect([...findings.fingerprints.keys()].sort()).toEqual([1, 2, 7, 8]);
    await federation.close();
  });

  test("compares files of other origins while one does not answer, and its own once it does", async () => {
    const { federation, clock, findings, origins } = await federate(["a", "b", "c"]);
    const [a, b, c] = origins;
    const files = Array.from({ length: 6 }, (_, i) => {
      const file = new TestFile(someBytes(SIZE), []);
      // Every second one is on the origin that hangs.
      const held = new TestFile(file.content, [
        [i % 2 === 0 ? a : b, "proved"],
        [c, "unverified"],
      ]);
      file.held = held.held.map((replica) => ({ ...replica, version: replica.version + 10 * i }));
      return Object.assign(file, { version: 10 * i + 1 });
    });
    const done = () => [...findings.fingerprints.keys()].map((v) => Math.floor(v / 10));
    const isDone = (i: number) => done().filter((each) => each === i).length === 2;
    a.reads = deaf;
    for (const file of files) federation.compareReplicas(file);
    await clock.advance(5000);
    expect([0, 1, 2, 3, 4, 5].filter(isDone)).toEqual([1, 3, 5]);
    expect(a.readCalls.length).toBe(1);
    // One that comes while all the others wait for the origin has its turn at once.
    const late = Object.assign(new TestFile(someBytes(SIZE), []), { version: 71 });
    late.held = (files[1]?.held ?? []).map((replica) => ({
      ...replica,
      version: replica.version + 60,
    }));
    federation.compareReplicas(late);
    await clock.advance(1000);
    expect(isDone(7)).toBe(true);
    a.reads = ok;
    await clock.advance(60_000);
    expect([2, 4].filter(isDone)).toEqual([2, 4]);
    await federation.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("lets readers go first, but not for ever", async () => {
    const { federation, clock, findings, file, a, b } = await twoReplicas();
    a.nextReads.push(slow(400));
    const reading = federation.read(file, 0, new Uint8Array(10));
    federation.compareReplicas(file);
    await clock.advance(390);
    expect([a.readCalls.length, b.readCalls.length]).toEqual([1, 0]);
    await clock.run(reading);
    await clock.advance(500);
    expect(findings.fingerprints.size).toBe(2);
    // A reader that waits for half a minute does not hold it up that long.
    a.nextReads.push(deaf);
    findings.fingerprints.clear();
    const lone = new TestFile(someBytes(10), [[a, "proved"]]);
    const stuck = Promise.allSettled([federation.read(lone, 0, new Uint8Array(10))]);
    federation.compareReplicas(file);
    await clock.advance(20_000);
    expect(findings.fingerprints.size).toBe(2);
    await clock.run(stuck);
    await federation.close();
  });

  test("goes on after a replica that cannot be read, and says so", async () => {
    const { federation, clock, findings, file, a, b, errors } = await twoReplicas();
    a.reads = fail("connection");
    federation.compareReplicas(file);
    await clock.advance(1000);
    expect([...findings.fingerprints.keys()]).toEqual([2]);
    expect(errors).toMatchObject([{ code: "connection" }]);
    expect(federation.health.consecutiveFailures(a.id)).toBe(1);
    // A later request tries again.
    a.reads = { kind: "ok" };
    b.reads = fail("not_found");
    federation.compareReplicas(file);
    await clock.advance(1000);
    expect([...findings.fingerprints.keys()].sort()).toEqual([1, 2]);
    expect(federation.health.consecutiveFailures(b.id)).toBe(0);
    await federation.close();
  });

  test("gives up a slice that hangs, as a failure of the origin", async () => {
    const { federation, clock, findings, file, a, errors } = await twoReplicas();
    a.reads = deaf;
    federation.compareReplicas(file);
    await clock.advance(31_000);
    expect(errors).toMatchObject([{ code: "timeout" }]);
    expect([...findings.fingerprints.keys()]).toEqual([2]);
    await federation.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("leaves unhealthy and disabled origins alone", async () => {
    const { federation, clock, findings, file, a, b } = await twoReplicas();
    b.probes = fail("connection");
    for (let n = 0; n < 3; n++) await clock.run(federation.checkNow(b.id));
    federation.disable(a.id);
    federation.compareReplicas(file);
    await clock.advance(1000);
    expect(findings.fingerprints.size).toBe(0);
    expect([a.readCalls.length, b.readCalls.length]).toEqual([0, 0]);
    await federation.close();
  });

  test("is bounded, and ends at once when closed", async () => {
    const { federation, clock, findings, file, a } = await twoReplicas();
    a.reads = deaf;
    const files = Array.from({ length: FINGERPRINT_QUEUE_FILES + 50 }, (_, n) =>
      Object.assign(new TestFile(file.content, []), { version: n + 1, held: file.held }),
    );
    for (const each of files) federation.compareReplicas(each);
    await clock.advance(100);
    expect(federation.filesToCompare).toBe(FINGERPRINT_QUEUE_FILES);
    await federation.close();
    federation.compareReplicas(file);
    expect([federation.filesToCompare, clock.pendingTimers]).toEqual([0, 0]);
    expect(findings.fingerprints.size).toBe(0);
  });
});
