import { describe, expect, test } from "bun:test";
import { ByteWindow } from "../../../../src/core/origins/sftp/byte_window.ts";

describe("byte window", () => {
  test("starts at once what fits and the rest in order when room is made (R-1)", () => {
    const window = new ByteWindow(100);
    const started: string[] = [];
    window.enter(60, () => started.push("a"));
    window.enter(60, () => started.push("b"));
    window.enter(10, () => started.push("c"));
    expect(started).toEqual(["a"]);
    expect(window.waiting).toBe(2);
    window.release(60);
    expect(started).toEqual(["a", "b", "c"]);
    expect(window.usedBytes).toBe(70);
  });

  test("lets more than the whole window through when it is alone", () => {
    const window = new ByteWindow(100);
    const started: string[] = [];
    window.enter(500, () => started.push("huge"));
    window.enter(0, () => started.push("behind"));
    expect(started).toEqual(["huge"]);
    window.release(500);
    expect(started).toEqual(["huge", "behind"]);
  });

  test("forgets who leaves the queue, and lets the next one in", () => {
    const window = new ByteWindow(100);
    const started: string[] = [];
    window.enter(90, () => started.push("a"));
    const gone = window.enter(50, () => started.push("gone"));
    window.enter(10, () => started.push("c"));
    gone[Symbol.dispose]();
    expect(started).toEqual(["a", "c"]);
    gone[Symbol.dispose]();
    expect(window.usedBytes).toBe(100);
    expect(window.waiting).toBe(0);
  });

  test("drains a long queue without recursion", () => {
    const window = new ByteWindow(1);
    let started = 0;
    window.enter(1, () => undefined);
    for (let i = 0; i < 100_000; i++) {
      window.enter(1, () => {
        started++;
        window.release(1);
      });
    }
    window.release(1);
    expect(started).toBe(100_000);
    expect(window.usedBytes).toBe(0);
  });
});
