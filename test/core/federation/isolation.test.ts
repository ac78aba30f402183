import { describe, expect, test } from "bun:test";
import { wrapOrigin } from "../../../src/core/origins/build.ts";
import { OriginMetrics } from "../../../src/core/origins/wrappers/metrics.ts";
import { settle } from "../../support/virtual_clock.ts";
import { deaf, hang, type ScriptedOrigin, slow } from "./scripted_origin.ts";
import { federate, id, provedOn } from "./setting.ts";

const SICK_READS = 200;
const WELL_READS = 100;
const WELL_MS = 20;
const SICK_AT_ONCE = 4;

/** Three origins in their wrappers, the first of which does not answer. */
async function oneIsSick(behaviour: ScriptedOrigin["reads"]) {
  const { federation, clock, origins } = await federate(["sick", "b", "c"]);
  const metrics = origins.map(() => new OriginMetrics());
  for (const [at, origin] of origins.entries()) {
    await federation.remove(origin.id);
    origin.reads = at === 0 ? behaviour : slow(WELL_MS);
    const limits = {
      operationTimeoutMs: 20_000,
      maxConcurrency: at === 0 ? SICK_AT_ONCE : WELL_READS,
      bandwidthLimitBytesPerSec: undefined,
    };
    const found = metrics[at];
    const wrapped = wrapOrigin(origin, limits, { clock, ...(found ? { metrics: found } : {}) });
    federation.add(wrapped, { priority: 1 });
  }
  await settle();
  return { federation, clock, origins, metrics };
}

describe("an origin that does not answer", () => {
  for (const [name, behaviour] of [
    ["and lets go when it is told", hang],
    ["whatever it is told", deaf],
  ] as const) {
    test(`${name}, holds up no read of another, by the counters (NFR-7.2)`, async () => {
      const { federation, clock, origins, metrics } = await oneIsSick(behaviour);
      const [sick, ...well] = origins;
      const [sickCounts, ...wellCounts] = metrics;
      const waiting = Array.from({ length: SICK_READS }, () =>
        federation.read(provedOn(sick), 0, new Uint8Array(100)),
      );
      let answered = 0;
      const count = () => void answered++;
      for (const read of waiting) read.then(count, count);
      const ended = Promise.allSettled(waiting);
      await settle();

      const startMs = clock.monotonicMs();
      const reads = well.flatMap((origin) =>
        Array.from({ length: WELL_READS }, () =>
          federation.read(provedOn(origin), 0, new Uint8Array(100)),
        ),
      );
      const outcomes = await clock.run(Promise.all(reads));
      // All at once, in the time that one of them takes at its own origin.
      expect(clock.monotonicMs() - startMs).toBe(WELL_MS);
      expect(outcomes.every(({ failures }) => failures === 0)).toBeTrue();
      for (const { operations, underWay } of wellCounts) {
        expect([operations.read.begun, operations.read.succeeded]).toEqual([
          WELL_READS,
          WELL_READS,
        ]);
        expect([operations.read.totalMs, underWay]).toEqual([WELL_READS * WELL_MS, 0]);
      }
      // Of the sick one only its own share is under way; the rest of its reads wait for it alone.
      expect(sickCounts?.operations.read.begun).toBe(SICK_AT_ONCE);
      expect(sickCounts?.underWay).toBe(SICK_AT_ONCE);
      expect(answered).toBe(0);

      // Their health is checked on time, too.
      await clock.advance(30_000);
      for (const { id: each } of well) expect(federation.health.status(each)).toBe("healthy");
      const settled = await clock.run(ended);
      expect(settled.every(({ status }) => status === "rejected")).toBeTrue();
      expect(federation.health.status(id("sick"))).not.toBe("healthy");
      await federation.close();
      expect(clock.pendingTimers).toBe(0);
    });
  }
});
