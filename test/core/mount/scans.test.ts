import { describe, expect, test } from "bun:test";
import { Scans } from "../../../src/core/mount/scans.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const nas = "nas" as OriginId;

function setUp(scan: (signal: AbortSignal) => Promise<void>, usable = () => true) {
  const clock = new VirtualClock();
  const faults: string[] = [];
  const scans = new Scans({
    clock,
    random: () => 0.5,
    scan: (_origin, signal) => scan(signal),
    usable,
    onFault: (message) => void faults.push(message),
  });
  return { clock, scans, faults };
}

describe("Scans", () => {
  test("scans at once and then at every interval", async () => {
    let scanned = 0;
    const { clock, scans } = setUp(async () => void scanned++);
    scans.add(nas, 900_000);
    await clock.advance(0);
    expect(scanned).toBe(1);
    await clock.advance(899_999);
    expect(scanned).toBe(1);
    await clock.advance(1);
    expect(scanned).toBe(2);
    await scans.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("tries again soon after a failure, and says so", async () => {
    let scanned = 0;
    const { clock, scans, faults } = setUp(async () => {
      scanned++;
      throw new Error("no route");
    });
    scans.add(nas, 900_000);
    await clock.advance(120_000);
    expect(scanned).toBe(3);
    expect(faults[0]).toContain("no route");
    await scans.close();
  });

  test("leaves an unusable origin alone until it recovers", async () => {
    let up = false;
    let scanned = 0;
    const { clock, scans } = setUp(
      async () => void scanned++,
      () => up,
    );
    scans.add(nas, 900_000);
    await clock.advance(10_000);
    expect(scanned).toBe(0);
    up = true;
    scans.recovered(nas);
    await clock.advance(0);
    expect(scanned).toBe(1);
    await scans.close();
  });

  test("F-9 removing an origin aborts its scan and leaves no timer", async () => {
    let aborted = false;
    const { clock, scans, faults } = setUp(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            aborted = true;
            reject(new Error("aborted"));
          });
        }),
    );
    scans.add(nas, 900_000);
    await clock.advance(0);
    scans.remove(nas);
    await clock.advance(0);
    expect(aborted).toBe(true);
    expect(faults).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });
});
