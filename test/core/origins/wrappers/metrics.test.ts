import { describe, expect, test } from "bun:test";
import { type BytePath, ROOT_PATH } from "../../../../src/core/bytes.ts";
import { MemoryOrigin } from "../../../../src/core/origins/memory.ts";
import { FaultPlan, withFaults } from "../../../../src/core/origins/wrappers/faults.ts";
import { OriginMetrics, withMetrics } from "../../../../src/core/origins/wrappers/metrics.ts";
import { VirtualClock } from "../../../support/virtual_clock.ts";

const FILE = "file" as BytePath;

describe("withMetrics", () => {
  test("counts operations, results, bytes, entries and time", async () => {
    const clock = new VirtualClock();
    const memory = new MemoryOrigin({ id: "memory", clock, pageEntries: 2 });
    for (const name of ["file", "b", "c"]) memory.put(name, "12345678");
    const plan = new FaultPlan(clock);
    plan.add({ fault: { kind: "slow", delayMs: 40 }, on: ["read"] });
    const settled: [string, number, boolean][] = [];
    const metrics = new OriginMetrics(({ kind }, durationMs, error) =>
      settled.push([kind, durationMs, error === undefined]),
    );
    const origin = withMetrics(withFaults(memory, plan), metrics, clock);
    await clock.run(origin.read(FILE, 2, new Uint8Array(100)));
    await clock.run(origin.read("no" as BytePath, 0, new Uint8Array(1)).catch(() => undefined));
    await origin.stat(FILE, AbortSignal.abort()).catch(() => undefined);
    await origin.probe();
    for await (const page of origin.list(ROOT_PATH)) expect(page.length).toBeLessThan(3);

    const { read, stat, probe, list } = metrics.operations;
    expect(read).toEqual({
      begun: 2,
      succeeded: 1,
      failed: new Map([["not_found", 1]]),
      totalMs: 80,
    });
    expect(stat.failed).toEqual(new Map([["cancelled", 1]]));
    expect(probe).toMatchObject({ begun: 1, succeeded: 1 });
    // Two pages and the end.
    expect(list).toMatchObject({ begun: 3, succeeded: 3 });
    expect(metrics.bytesRead).toBe(6);
    expect(metrics.entriesListed).toBe(3);
    expect(metrics.underWay).toBe(0);
    expect(settled.slice(0, 2)).toEqual([
      ["read", 40, true],
      ["read", 40, false],
    ]);
  });

  test("shows what is under way", async () => {
    const clock = new VirtualClock();
    const plan = new FaultPlan(clock);
    using _ = plan.add({ fault: { kind: "hang" } });
    const metrics = new OriginMetrics();
    const origin = withMetrics(withFaults(new MemoryOrigin({ id: "m" }), plan), metrics, clock);
    const controller = new AbortController();
    const probe = origin.probe(controller.signal).catch((error) => error.code);
    expect(metrics.underWay).toBe(1);
    controller.abort();
    expect(await probe).toBe("cancelled");
    expect(metrics.underWay).toBe(0);
  });
});
