/** Minutes of what `npm run soak` does for ten, and the arithmetic by which it judges. */

import { expect, test } from "bun:test";
import { needing } from "../support/needs.ts";
import { growthPerMinute, lastHalf } from "./soak/growth.ts";
import { soak } from "./soak/soak.ts";

const SECONDS = 12;
const SEED = Number(process.env["MUSICFS_SOAK_SEED"] ?? Date.now() % 1e9);
const LIMIT_MS = 240_000;

test("growth is told by the line through the samples of the last half", () => {
  const samples = [0, 1, 2, 3, 4, 5, 6].map((minutes) => ({
    minutes,
    value: minutes < 3 ? 100 * minutes : 300 + 2 * minutes + (minutes % 2 === 0 ? 0.1 : -0.1),
  }));
  expect(lastHalf(samples).map(({ minutes }) => minutes)).toEqual([3, 4, 5, 6]);
  expect(growthPerMinute(lastHalf(samples))).toBeCloseTo(2.04, 5);
  expect(() => growthPerMinute([{ minutes: 0, value: 1 }])).toThrow("1 samples");
});

needing("root", "fuse").test(
  "under load, with origins that flap, come and go, no byte is wrong and nothing is kept (F-8, F-9)",
  async () => {
    const { done, before, after } = await soak(SECONDS, SEED);
    expect(done.reads, `seed ${SEED}`).toBeGreaterThan(100);
    expect(done.flaps).toBeGreaterThan(4);
    expect(done.guests).toBeGreaterThan(4);
    for (const kind of ["descriptors", "sockets", "threads", "children"] as const) {
      expect(after[kind]).toBeLessThanOrEqual(before[kind]);
    }
  },
  LIMIT_MS,
);
