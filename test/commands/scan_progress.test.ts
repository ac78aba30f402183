import { describe, expect, test } from "bun:test";
import { ScanProgressLine } from "../../src/commands/scan_progress.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

describe("ScanProgressLine", () => {
  test("tells the rate, and when a library that is known will be through", async () => {
    const clock = new VirtualClock();
    const line = new ScanProgressLine(clock);
    const known = { directories: 10, pending: 5, knownFiles: 100_000 };
    expect(line.next({ ...known, files: 100 })).toBe(
      "100 files in 10 directories, 5 directories to go",
    );
    await clock.advance(2000);
    expect(line.next({ ...known, files: 20_100 })).toBe(
      "20100 files in 10 directories, 10000/s, about 8 s to go",
    );
    await clock.advance(2000);
    expect(line.next({ ...known, pending: 0, files: 100_100 })).toBe(
      "100100 files in 10 directories, 25000/s",
    );
  });

  test("tells what is left to be listed where nothing is known", async () => {
    const clock = new VirtualClock();
    const line = new ScanProgressLine(clock);
    line.next({ files: 0, directories: 0, pending: 1, knownFiles: 0 });
    await clock.advance(4000);
    const sums = { files: 2000, directories: 100, pending: 40, knownFiles: 0 };
    expect(line.next(sums)).toBe("2000 files in 100 directories, 500/s, 40 directories to go");
  });

  test("is written ten times in a second, not once for every page", async () => {
    const clock = new VirtualClock();
    const line = new ScanProgressLine(clock);
    let lines = 0;
    for (let page = 0; page < 1000; page++) {
      const sums = { files: page, directories: page, pending: 0, knownFiles: 0 };
      if (line.next(sums) !== undefined) lines++;
      await clock.advance(1);
    }
    expect(lines).toBe(10);
  });
});
