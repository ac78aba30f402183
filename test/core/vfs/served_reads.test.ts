import { describe, expect, test } from "bun:test";
import { SERVED_READS } from "../../../src/core/limits.ts";
import { ServedReads } from "../../../src/core/vfs/served_reads.ts";

describe("ServedReads", () => {
  test("hands over what other threads' views entered, once, while it is watched", () => {
    const watcher = new ServedReads();
    const thread = new ServedReads(watcher.shared);
    thread.add(1, 0, 10);
    watcher.watch(true);
    thread.add(2, 1, 20);
    thread.add(3, 0, 30);
    expect(watcher.take()).toEqual([
      { version: 2, origin: 1, bytes: 20 },
      { version: 3, origin: 0, bytes: 30 },
    ]);
    expect(watcher.take()).toEqual([]);
    watcher.watch(false);
    thread.add(4, 0, 40);
    watcher.watch(true);
    expect(watcher.take()).toEqual([]);
  });

  test("keeps the latest of many", () => {
    const reads = new ServedReads();
    reads.watch(true);
    for (let version = 0; version < 3 * SERVED_READS; version++) reads.add(version, 0, 1);
    const versions = reads.take().map(({ version }) => version);
    expect(versions).toEqual(
      Array.from({ length: SERVED_READS }, (_, index) => 2 * SERVED_READS + index),
    );
  });
});
