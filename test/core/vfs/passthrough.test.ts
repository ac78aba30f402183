import { describe, expect, test } from "bun:test";
import { EPERM } from "../../../src/core/sys/errno.ts";
import { MAIN_DECIDES, Passthrough } from "../../../src/core/vfs/passthrough.ts";

function setUp(answer: (fd: number) => number) {
  const open = new Set<number>();
  const closed: number[] = [];
  let asked = 0;
  const backing = {
    open: (fd: number) => {
      asked++;
      return answer(fd);
    },
    close: (backingId: number) => void closed.push(backingId),
  };
  const passthrough = new Passthrough(backing, (fh) => open.has(fh));
  return { open, closed, passthrough, asked: () => asked };
}

describe("Passthrough", () => {
  test("has one backing id per node while any handle is open", () => {
    const { open, closed, passthrough } = setUp((fd) => fd + 100);
    open.add(1).add(2);
    expect(passthrough.opened(50, 1, 7)).toBe(107);
    expect(passthrough.opened(50, 2, 8)).toBe(107);
    passthrough.released(50, 1);
    expect(closed).toEqual([]);
    passthrough.released(50, 2);
    expect(closed).toEqual([107]);
    expect(passthrough.nodeCount).toBe(0);
  });

  test("keeps a node read through us when it was opened so first", () => {
    const { open, passthrough } = setUp(() => 5);
    open.add(1).add(2);
    expect(passthrough.opened(50, 1, -1)).toBe(0);
    expect(passthrough.opened(50, 2, 8)).toBe(0);
    passthrough.released(50, 1);
    passthrough.released(50, 2);
    open.add(3);
    expect(passthrough.opened(50, 3, 8)).toBe(5);
  });

  test("hands a node over that nobody has open, and settles it so until all are closed", () => {
    const { open, passthrough } = setUp(() => 5);
    open.add(1).add(2).add(3);
    expect(passthrough.handedOver(50, 1)).toBe(MAIN_DECIDES);
    expect(passthrough.handedOver(50, 2)).toBe(MAIN_DECIDES);
    expect([passthrough.isMains(50), passthrough.isMains(51)]).toEqual([true, false]);
    passthrough.released(50, 1);
    passthrough.released(50, 2);
    expect([passthrough.isMains(50), passthrough.has(50)]).toEqual([false, false]);
    expect(passthrough.opened(50, 3, 8)).toBe(5);
    expect(passthrough.handedOver(50, 1)).toBe(5);
  });

  test("forgets an open that failed elsewhere and was never released", () => {
    const { open, passthrough } = setUp(() => 5);
    expect(passthrough.opened(50, 1, -1)).toBe(0);
    open.add(2);
    expect(passthrough.opened(50, 2, 8)).toBe(5);
  });

  test("stops asking once it is not permitted, and goes on after one file's refusal", () => {
    const forbidden = setUp(() => -EPERM);
    forbidden.open.add(1).add(2);
    expect(forbidden.passthrough.opened(50, 1, 7)).toBe(0);
    expect(forbidden.passthrough.opened(51, 2, 7)).toBe(0);
    expect(forbidden.asked()).toBe(1);
    const stacked = setUp((fd) => (fd === 7 ? -40 : 9));
    stacked.open.add(1).add(2);
    expect(stacked.passthrough.opened(50, 1, 7)).toBe(0);
    expect(stacked.passthrough.opened(51, 2, 8)).toBe(9);
  });
});
