import { expect, test } from "bun:test";
import { readFileSync, readlinkSync } from "node:fs";
import { ENOMEM } from "../../../src/core/sys/errno.ts";
import { releaseCode } from "../../../src/core/sys/program_pages.ts";

/** KiB of the program's code that are in memory. */
function residentKib(): number {
  const program = readlinkSync("/proc/self/exe");
  const smaps = readFileSync("/proc/self/smaps", "latin1").split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/);
  const code = smaps.filter((map) => / r-xp /.test(map) && map.split("\n")[0]?.endsWith(program));
  return code.reduce((sum, map) => sum + Number(/^Rss: +(\d+) kB$/m.exec(map)?.[1]), 0);
}

test("code that nobody needs any more is given up, and the program goes on", () => {
  const before = residentKib();
  const bytes = releaseCode();
  expect(residentKib()).toBeLessThan(before - 1024);
  expect(bytes).toBeGreaterThan(before * 1024 - 1);
  expect(JSON.parse('{"a":[1,2]}')).toEqual({ a: [1, 2] });
});

test("only the program's own code is meant, and a kernel that refuses changes nothing", () => {
  const asked: number[][] = [];
  const madvise = (...call: number[]) => {
    asked.push(call);
    return -ENOMEM;
  };
  expect(releaseCode({ madvise })).toBe(0);
  expect(asked.length).toBeGreaterThan(0);
  for (const [address = 0, length = 0, advice] of asked) {
    const range = `${address.toString(16).padStart(8, "0")}-${(address + length).toString(16).padStart(8, "0")} r-xp`;
    const map = readFileSync("/proc/self/maps", "latin1").split("\n");
    expect(map.filter((line) => line.startsWith(range))).toHaveLength(1);
    expect(advice).toBe(4);
  }
});
