import { describe, expect, test } from "bun:test";
import { sleep } from "../../src/core/clock.ts";
import { settle, VirtualClock } from "./virtual_clock.ts";

describe("VirtualClock", () => {
  test("runs timers in order of due time, then of making, and settles promises in between", async () => {
    const clock = new VirtualClock();
    const start = clock.monotonicMs();
    const log: string[] = [];
    const note = (name: string) => log.push(`${name}@${clock.monotonicMs() - start}`);
    clock.schedule(20, () => note("b"));
    clock.schedule(10, () => {
      note("a");
      void sleep(clock, 5)
        .then(() => sleep(clock, 2))
        .then(() => note("chain"));
    });
    clock.schedule(20, () => note("c"));
    clock.schedule(31, () => note("late"));
    await clock.advance(30);
    expect(log).toEqual(["a@10", "chain@17", "b@20", "c@20"]);
    expect(clock.monotonicMs() - start).toBe(30);
    expect(clock.nextTimerMs).toBe(1);
    expect(clock.pendingTimers).toBe(1);
  });

  test("does not run a disposed timer", async () => {
    const clock = new VirtualClock();
    let ran = false;
    const timer = clock.schedule(1, () => {
      ran = true;
    });
    timer[Symbol.dispose]();
    timer[Symbol.dispose]();
    await clock.advance(10);
    expect(ran).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  test("run() ends with the promise, its error, or an error of its own when it hangs", async () => {
    const clock = new VirtualClock();
    const start = clock.monotonicMs();
    expect(await clock.run(sleep(clock, 700).then(() => 7))).toBe(7);
    expect(clock.monotonicMs() - start).toBe(700);
    await expect(clock.run(Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(clock.run(new Promise(() => undefined))).rejects.toThrow("waits for nothing");
    await expect(clock.run(sleep(clock, 50), 20)).rejects.toThrow("within 20 ms");
  });

  test("wall jumps leave monotonic time alone; a stall makes timers late", async () => {
    const clock = new VirtualClock(1000, 5000);
    clock.jumpWall(100);
    expect([clock.monotonicMs(), clock.wallMs()]).toEqual([1000, 5100]);
    let ranAtMs = 0;
    clock.schedule(10, () => {
      ranAtMs = clock.monotonicMs();
    });
    clock.stall(500);
    await settle();
    expect(ranAtMs).toBe(0);
    await clock.advance(0);
    expect(ranAtMs).toBe(1500);
  });
});
