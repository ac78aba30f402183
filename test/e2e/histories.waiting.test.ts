/**
 * Histories of the model (test/model) on the real mount of the real binary. Recorded seeds;
 * `npm run torture -- --mount` plays fresh ones.
 */

import { expect } from "bun:test";
import { describeFailure, torture } from "../model/torture.ts";
import { needing } from "../support/needs.ts";
import { playMounted } from "./histories/play_mounted.ts";

const { test } = needing("root", "fuse");

const HISTORIES = 3;
const TIMEOUT_MS = 240_000;

for (const fromSeed of [16, 24, 31]) {
  test(
    `${HISTORIES} random histories from seed ${fromSeed} break no promise on a real mount (F-8, NFR-7.2)`,
    async () => {
      const options = { fromSeed, histories: HISTORIES, play: playMounted, shrinks: false };
      const { sums, failure } = await torture(options);
      expect(failure === undefined ? "" : describeFailure(failure)).toBe("");
      expect(sums.reads.proved).toBeGreaterThan(20);
    },
    TIMEOUT_MS,
  );
}
