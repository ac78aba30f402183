import { describe, expect, test } from "bun:test";
import { LatencyStats } from "../../../src/core/federation/latency.ts";
import { LATENCY_SAMPLES } from "../../../src/core/limits.ts";
import { seeded } from "./setting.ts";

describe("LatencyStats", () => {
  test("without samples every latency is 0 and there is no last one (F-2)", () => {
    const stats = new LatencyStats();
    expect([stats.count, stats.p50Ms, stats.p99Ms]).toEqual([0, 0, 0]);
    expect([stats.lastLatencyMs, stats.lastUpdateMs]).toEqual([undefined, undefined]);
  });

  test("p50 is sorted[⌊n/2⌋] and p99 sorted[⌊99n/100⌋], not interpolated (F-2)", () => {
    const stats = new LatencyStats();
    stats.record(40, 1);
    expect([stats.p50Ms, stats.p99Ms]).toEqual([40, 40]);
    stats.record(10, 2);
    expect([stats.p50Ms, stats.p99Ms]).toEqual([40, 40]);
    stats.record(20, 3);
    expect([stats.p50Ms, stats.p99Ms]).toEqual([20, 40]);
    expect([stats.lastLatencyMs, stats.lastUpdateMs]).toEqual([20, 3]);
  });

  test("with 100 samples p50 is the 51st and p99 the last", () => {
    const stats = new LatencyStats();
    for (let ms = 100; ms >= 1; ms--) stats.record(ms, ms);
    expect([stats.p50Ms, stats.p99Ms]).toEqual([51, 100]);
  });

  test("agrees with sorting the last 100 samples, whatever comes (F-2)", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed);
      const stats = new LatencyStats();
      const all: number[] = [];
      for (let n = 0; n < 350; n++) {
        // Few different values, so that equal samples leave and stay in every combination.
        const sample = random() < 0.5 ? Math.floor(random() * 8) : random() * 1000;
        all.push(sample);
        stats.record(sample, n);
        const sorted = all.slice(-LATENCY_SAMPLES).sort((a, b) => a - b);
        for (const percent of [0, 50, 95, 99]) {
          const expected = sorted[Math.floor((percent * sorted.length) / 100)];
          expect(stats.percentileMs(percent), `seed ${seed}, sample ${n}`).toBe(expected ?? -1);
        }
      }
      expect(stats.count).toBe(LATENCY_SAMPLES);
    }
  });
});
