/**
 * Random reads while random things happen to random origins: what must hold whatever comes. A
 * failure prints its seed; `MUSICFS_SEEDS` sets how many are run.
 */

import { describe, expect, test } from "bun:test";
import { MusicFsError } from "../../../src/core/errors.ts";
import { Federation } from "../../../src/core/federation/federation.ts";
import { RETRY_DELAYS_MS } from "../../../src/core/limits.ts";
import { MemoryOrigin } from "../../../src/core/origins/memory.ts";
import type { Origin } from "../../../src/core/origins/origin.ts";
import { type Fault, FaultPlan, withFaults } from "../../../src/core/origins/wrappers/faults.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";
import { EventLog, Findings, HEALTH, seeded, someBytes, TestFile } from "./setting.ts";

const SEEDS = Number(process.env["MUSICFS_SEEDS"] ?? 60);
/** Real time for all seeds of one test. */
const TIMEOUT_MS = 5000 + SEEDS * 100;
const STEPS = 60;
const DEADLINE_MS = 30_000;
const SIZE = 300_000;

const FAULTS: readonly Fault[] = [
  { kind: "error", code: "connection" },
  { kind: "error", code: "timeout" },
  { kind: "error", code: "io" },
  { kind: "error", code: "not_found" },
  { kind: "error", code: "denied" },
  { kind: "error", code: "credentials" },
  { kind: "hang" },
  { kind: "slow", delayMs: 40 },
  { kind: "slow", delayMs: 900 },
  { kind: "slow", delayMs: 8000 },
  { kind: "short", lengthBytes: 100 },
  { kind: "replaced" },
  { kind: "edited", offsetBytes: 1000 },
];

interface Member {
  readonly memory: MemoryOrigin;
  readonly plan: FaultPlan;
  readonly origin: Origin;
  tries: { path: string; atMs: number }[];
}

/** An origin of its own object, whose reads are noted. */
function member(id: string, clock: VirtualClock, content: Uint8Array): Member {
  const memory = new MemoryOrigin({ id, clock });
  memory.put("file", content);
  const plan = new FaultPlan(clock);
  const origin = withFaults(memory, plan);
  const tries: Member["tries"] = [];
  const read = origin.read.bind(origin);
  origin.read = (path, offset, into, options) => {
    tries.push({ path, atMs: clock.monotonicMs() });
    return read(path, offset, into, options);
  };
  return { memory, plan, origin, tries };
}

async function world(seed: number, hedge: boolean = seed % 3 > 0) {
  const random = seeded(seed);
  const pick = (n: number) => Math.floor(random() * n);
  const one = <T>(of: readonly T[]): T => {
    const chosen = of[pick(of.length)];
    if (chosen === undefined) throw new Error("nothing to choose from");
    return chosen;
  };
  const clock = new VirtualClock();
  const content = someBytes(SIZE, seed);
  const liar = someBytes(SIZE, seed + 1_000_000);
  const names = ["a", "b", "c", "d"];
  // d holds other bytes under the same name and size.
  const members = names.map((id) => member(id, clock, id === "d" ? liar : content));
  const events = new EventLog();
  const findings = new Findings();
  const federation = new Federation({
    clock,
    events,
    findings,
    health: HEALTH,
    read: { readDeadlineMs: DEADLINE_MS, hedge, failover: "probable" },
    network: () => "",
    onError: () => undefined,
  });
  const file = new TestFile(content, []);
  for (const [index, { memory, origin }] of members.entries()) {
    federation.add(origin, { priority: pick(4), enabled: true });
    const { sizeBytes, token } = await memory.stat("file" as never);
    const match =
      origin.id === "d" ? "unverified" : one(["proved", "probable", "unverified"] as const);
    file.held.push({
      origin: origin.id,
      path: "file" as never,
      entry: 1,
      version: index === 0 ? 1 : index + 1,
      originVersion: { sizeBytes, token },
      match: index === 0 ? "proved" : match,
    });
  }
  file.kept = [{ offsetBytes: 0, bytes: content.slice(0, 5000) }];
  await settle();
  return { random, pick, one, clock, content, members, events, findings, federation, file };
}

describe("reads under random faults", () => {
  test(
    `are right or fail in time, whatever happens (F-8, NFR-7.2), ${SEEDS} seeds`,
    async () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { pick, one, clock, content, members, federation, file, findings } =
          await world(seed);
        const reads: Promise<void>[] = [];
        const at = `seed ${seed}`;
        for (let step = 0; step < STEPS; step++) {
          const { plan, origin } = one(members);
          switch (pick(9)) {
            case 0:
              plan.add({ fault: one(FAULTS), on: ["read"], times: 1 + pick(6) });
              break;
            case 1:
              plan.add({ fault: one(FAULTS), on: ["read", "probe"] });
              break;
            case 2:
            case 3:
              plan.clear();
              break;
            case 4:
              if (federation.registry.isEnabled(origin.id)) federation.disable(origin.id);
              else federation.enable(origin.id);
              break;
            case 5:
              federation.setPriority(origin.id, pick(4));
              break;
            case 6:
              if (pick(10) === 0) clock.jumpWall(100_000);
              break;
            default:
              await clock.advance(pick(2) === 0 ? pick(200) : pick(20_000));
          }
          const offset = pick(SIZE + 10);
          const into = new Uint8Array(pick(3) === 0 ? pick(SIZE) : pick(5000)).fill(0xa5);
          const startMs = clock.monotonicMs();
          const abort = new AbortController();
          const isCancelled = pick(12) === 0;
          const timer = isCancelled ? clock.schedule(pick(500), () => abort.abort()) : undefined;
          const check = () => {
            timer?.[Symbol.dispose]();
            expect(clock.monotonicMs() - startMs, at).toBeLessThanOrEqual(DEADLINE_MS);
          };
          reads.push(
            federation.read(file, offset, into, abort).then(
              ({ bytesRead, origin: from }) => {
                check();
                const expected = content.slice(offset, offset + into.byteLength);
                expect(bytesRead, at).toBe(expected.byteLength);
                expect(Buffer.compare(into.subarray(0, bytesRead), expected), at).toBe(0);
                expect(from as string, at).not.toBe("d");
              },
              (error: unknown) => {
                check();
                expect(error, at).toBeInstanceOf(MusicFsError);
                if ((error as MusicFsError).code === "internal") throw error;
                if (!isCancelled) expect((error as MusicFsError).code, at).not.toBe("cancelled");
                expect(
                  into.every((byte) => byte === 0xa5),
                  at,
                ).toBe(true);
              },
            ),
          );
        }
        await clock.run(Promise.all(reads));
        // The liar's other bytes are found once at the most.
        expect(findings.different.length, at).toBeLessThanOrEqual(1);
        await federation.close();
        await settle();
        expect(clock.pendingTimers, at).toBe(0);
      }
    },
    TIMEOUT_MS,
  );

  test(
    "always succeed, soon, and without a delay while one replica's origin is well (NFR-7.3)",
    async () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { pick, one, clock, content, members, federation, file } = await world(seed, true);
        const [steady, ...others] = members;
        if (!steady) throw new Error("there are members");
        for (let step = 0; step < 20; step++) {
          one(others).plan.add({ fault: one(FAULTS), times: 1 + pick(20) });
          if (pick(4) === 0) one(others).plan.clear();
          const into = new Uint8Array(4096);
          const offset = pick(SIZE - 4096);
          const startMs = clock.monotonicMs();
          await clock.run(federation.read(file, offset, into));
          const tookMs = clock.monotonicMs() - startMs;
          expect(into, `seed ${seed}`).toEqual(content.slice(offset, offset + 4096));
          // Each of the three others may be silent for a second before it is left.
          expect(tookMs, `seed ${seed}`).toBeLessThanOrEqual(3000);
          await clock.advance(pick(5000));
        }
        await federation.close();
      }
    },
    TIMEOUT_MS,
  );

  test(
    "try each origin four times at most, the tries of a lone one at the exact delays",
    async () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { pick, one, clock, members, federation, file } = await world(seed);
        const failing: readonly Fault[] = FAULTS.filter(
          (fault) => fault.kind === "error" && ["connection", "timeout", "io"].includes(fault.code),
        );
        const [lone, ...others] = members;
        if (!lone) throw new Error("there are members");
        const isLone = pick(2) === 0;
        for (const { plan, origin } of isLone ? [lone] : members) {
          plan.add({ fault: one(failing), on: ["read"] });
          if (isLone) for (const other of others) federation.disable(other.origin.id);
          expect(federation.health.status(origin.id)).toBe("healthy");
        }
        file.kept = [];
        const reading = federation.read(file, 0, new Uint8Array(10));
        const failed = await clock.run(
          reading.then(
            () => undefined,
            (error: unknown) => error,
          ),
        );
        expect(failed, `seed ${seed}`).toMatchObject({ code: "max_retries_exceeded" });
        const gaps = lone.tries.slice(1).map(({ atMs }, n) => atMs - (lone.tries[n]?.atMs ?? 0));
        expect(gaps, `seed ${seed}`).toEqual([...RETRY_DELAYS_MS]);
        for (const { tries } of others) expect(tries.length, `seed ${seed}`).toBeLessThanOrEqual(4);
        await federation.close();
      }
    },
    TIMEOUT_MS,
  );
});
