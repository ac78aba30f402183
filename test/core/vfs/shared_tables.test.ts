import { describe, expect, test } from "bun:test";
import {
  LATENCY_SAMPLES,
  MAX_OPEN_HANDLES,
  MAX_ORIGINS,
  SEAM_BYTES,
  SEAM_HANDLES,
} from "../../../src/core/limits.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { Memory } from "../../../src/core/sys/memory.ts";
import { STATX_BYTES, StatxView } from "../../../src/core/sys/statx.ts";
import {
  HANDLE_HAS_REPLICAS,
  HANDLE_KNOWN_TO_MAIN,
  HandleTable,
} from "../../../src/core/vfs/handles.ts";
import { LatencyRings } from "../../../src/core/vfs/latency_rings.ts";
import { RoutingTable } from "../../../src/core/vfs/routing_table.ts";
import { SeamPool } from "../../../src/core/vfs/seams.ts";
import { SeenDirectories } from "../../../src/core/vfs/seen.ts";

const id = (text: string) => text as OriginId;

describe("HandleTable", () => {
  test("knows a handle until it is freed, and never again", () => {
    const table = new HandleTable();
    const first = table.allocate(7, 100);
    expect(table.isOpen(first)).toBe(true);
    expect(table.version(first)).toBe(7);
    expect(table.sizeBytes(first)).toBe(100);
    expect(table.fd(first)).toBe(-1);
    table.free(first);
    expect(table.isOpen(first)).toBe(false);
    const opened = new Set([first]);
    for (let i = 0; i < 3 * MAX_OPEN_HANDLES; i++) {
      const fh = table.allocate(i, i);
      expect(opened.has(fh)).toBe(false);
      opened.add(fh);
      table.free(fh);
    }
    expect(table.isOpen(first)).toBe(false);
    expect(table.openCount()).toBe(0);
    expect(table.isOpen(-1)).toBe(false);
  });

  test("says when it is full, and takes the row that is freed", () => {
    const table = new HandleTable();
    let last = -1;
    for (let i = 0; i < MAX_OPEN_HANDLES; i++) last = table.allocate(i, 0);
    expect(table.allocate(1, 1)).toBe(-1);
    table.free(last);
    expect(table.allocate(1, 1)).toBeGreaterThanOrEqual(0);
  });

  test("knows whether another handle of a version is open, whoever frees it", () => {
    const table = new HandleTable();
    const first = table.allocate(7, 1);
    expect(table.isAlone(first)).toBe(true);
    const second = table.allocate(7, 1);
    expect([first, second].map((fh) => table.isAlone(fh))).toEqual([false, false]);
    expect(table.isAlone(table.allocate(8, 1))).toBe(true);
    const other = new HandleTable(table.shared);
    other.free(first);
    other.free(first);
    expect(table.isAlone(second)).toBe(true);
    // Two versions may be taken for one, never one for two.
    table.allocate(7 + MAX_OPEN_HANDLES, 1);
    expect(table.isAlone(second)).toBe(false);
  });

  test("flags, served bytes and the bound file are seen by other threads and reset by reuse", () => {
    const table = new HandleTable();
    const other = new HandleTable(table.shared);
    const fh = table.allocate(1, 5000);
    const stat = new StatxView(new Memory(STATX_BYTES));
    stat.memory.view.setBigUint64(0x28, 5000n, true);
    stat.memory.view.setBigUint64(0x20, 42n, true);
    stat.memory.view.setUint32(0x10, 1, true);
    other.bind(fh, 9, 3, 77, stat);
    other.setFlag(fh, HANDLE_HAS_REPLICAS);
    expect(table.fd(fh)).toBe(9);
    expect(table.origin(fh)).toBe(3);
    expect(table.epoch(fh)).toBe(77);
    expect(table.unchanged(fh, stat)).toBe(true);
    expect(table.hasFlag(fh, HANDLE_HAS_REPLICAS)).toBe(true);
    expect(table.hasFlag(fh, HANDLE_KNOWN_TO_MAIN)).toBe(false);
    expect(table.addServed(fh, 10)).toBe(10);
    expect(other.addServed(fh, 5)).toBe(15);
    for (const at of [0x20, 0x28, 0x60, 0x68, 0x70, 0x78, 0x88, 0x8c]) {
      const before = stat.memory.view.getUint32(at, true);
      stat.memory.view.setUint32(at, before + 1, true);
      expect(table.unchanged(fh, stat)).toBe(false);
      stat.memory.view.setUint32(at, before, true);
    }
    // Replaced by a rename: unlinked, with another ctime, but still the same bytes.
    stat.memory.view.setUint32(0x10, 0, true);
    stat.memory.view.setUint32(0x60, 99, true);
    expect(table.unchanged(fh, stat)).toBe(true);
  });
});

describe("RoutingTable", () => {
  test("publishes order and usability to every view, and the epoch grows with each change", () => {
    const table = new RoutingTable();
    const other = new RoutingTable(table.shared);
    const nas = table.claim(id("nas"));
    const disk = table.claim(id("disk"));
    expect(table.claim(id("nas"))).toBe(nas);
    const before = other.epoch;
    table.publish([
      { id: id("disk"), usable: true },
      { id: id("nas"), usable: false },
    ]);
    expect(other.epoch).toBeGreaterThan(before);
    expect(other.rank(disk)).toBe(0);
    expect(other.rank(nas)).toBe(1);
    expect(other.usable(disk)).toBe(true);
    expect(other.usable(nas)).toBe(false);
    expect(other.indexOf(id("nas"))).toBe(nas);
    expect(other.idOf(disk)).toBe(id("disk"));
    expect(other.rootFd(nas)).toBe(-1);
    table.setRootFd(nas, 12);
    expect(other.rootFd(nas)).toBe(12);
    table.publish([{ id: id("disk"), usable: true }]);
    expect(other.usable(nas)).toBe(false);
    expect(other.rank(nas)).toBeGreaterThan(other.rank(disk));
  });

  test("an origin that left is found by nobody, and its row is clean for the next", () => {
    const table = new RoutingTable();
    const other = new RoutingTable(table.shared);
    const nas = table.claim(id("nas"));
    table.setRootFd(nas, 4);
    other.count(nas, "reads", 3);
    expect(table.counter(nas, "reads")).toBe(3);
    table.vacate(id("nas"));
    expect(other.indexOf(id("nas"))).toBe(-1);
    const next = table.claim(id("x".repeat(64)));
    expect(next).toBe(nas);
    expect(other.idOf(next)).toBe(id("x".repeat(64)));
    expect(other.rootFd(next)).toBe(-1);
    expect(other.usable(next)).toBe(false);
    expect(table.counter(next, "reads")).toBe(0);
  });

  test("holds MAX_ORIGINS and no more", () => {
    const table = new RoutingTable();
    for (let i = 0; i < MAX_ORIGINS; i++) table.claim(id(`o${i}`));
    expect(() => table.claim(id("one-more"))).toThrow(RangeError);
  });
});

describe("SeamPool", () => {
  function bytes(length: number, seed: number): Uint8Array {
    return Uint8Array.from({ length }, (_, i) => (i * 7 + seed) % 256);
  }

  test("keeps the head and the latest tail of what was served", () => {
    const handles = new HandleTable();
    const pool = new SeamPool();
    const fh = handles.allocate(1, 10_000_000);
    pool.claim(handles, fh);
    expect(pool.seams(handles, fh)).toEqual([]);
    const head = bytes(3 * SEAM_BYTES, 1);
    pool.record(handles, fh, 0, head);
    const later = bytes(1000, 5);
    new SeamPool(pool.shared).record(handles, fh, 500_000, later);
    expect(pool.seams(handles, fh)).toEqual([
      { offsetBytes: 0, bytes: head.slice(0, SEAM_BYTES) },
      { offsetBytes: 500_000, bytes: later },
    ]);
  });

  test("one short head is one seam, not two", () => {
    const handles = new HandleTable();
    const pool = new SeamPool();
    const fh = handles.allocate(1, 100);
    pool.claim(handles, fh);
    pool.record(handles, fh, 0, bytes(100, 3));
    expect(pool.seams(handles, fh)).toEqual([{ offsetBytes: 0, bytes: bytes(100, 3) }]);
  });

  test("never answers one handle's bytes for another's", () => {
    const handles = new HandleTable();
    const pool = new SeamPool();
    const open = Array.from({ length: SEAM_HANDLES + 5 }, (_, i) => handles.allocate(i, 1000));
    for (const [i, fh] of open.entries()) {
      pool.claim(handles, fh);
      pool.record(handles, fh, 0, bytes(64, i));
    }
    let kept = 0;
    for (const [i, fh] of open.entries()) {
      const seams = pool.seams(handles, fh);
      if (seams.length > 0) {
        kept++;
        expect(seams).toEqual([{ offsetBytes: 0, bytes: bytes(64, i) }]);
      }
    }
    expect(kept).toBe(SEAM_HANDLES);
    const [first] = open;
    if (first === undefined) throw new Error("no handle");
    pool.record(handles, first, 0, bytes(10, 200));
    for (const fh of open.slice(1)) {
      for (const seam of pool.seams(handles, fh)) expect(seam.bytes).not.toEqual(bytes(10, 200));
    }
    const last = open.at(-1) ?? -1;
    pool.release(handles, last);
    expect(pool.seams(handles, last)).toEqual([]);
  });
});

describe("LatencyRings", () => {
  test("F-2 hands over every sample once, and only the latest when they came too fast", () => {
    const rings = new LatencyRings();
    const reader = new LatencyRings(rings.shared);
    const collected: number[] = [];
    const collect = () => rings.collect(2, (ms) => collected.push(ms));
    reader.add(2, 5);
    reader.add(2, 6);
    collect();
    collect();
    expect(collected).toEqual([5, 6]);
    collected.length = 0;
    for (let i = 0; i < LATENCY_SAMPLES + 20; i++) reader.add(2, i);
    collect();
    expect(collected).toHaveLength(LATENCY_SAMPLES);
    expect(collected.at(-1)).toBe(LATENCY_SAMPLES + 19);
    expect(collected[0]).toBe(20);
  });

  test("says of an origin's first sample since the last were collected that it is the first", () => {
    const rings = new LatencyRings();
    const reader = new LatencyRings(rings.shared);
    expect([reader.add(2, 5), reader.add(2, 6), reader.add(3, 5)]).toEqual([true, false, true]);
    rings.collect(2, () => undefined);
    expect([reader.add(2, 5), reader.add(3, 6)]).toEqual([true, false]);
  });
});

describe("SeenDirectories", () => {
  test("knows the root and what any thread added", () => {
    const seen = new SeenDirectories();
    const fuse = new SeenDirectories(seen.shared);
    expect(seen.has(1)).toBe(true);
    expect(seen.has(31)).toBe(false);
    for (const entry of [31, 32, 33, 1_000_003]) fuse.add(entry);
    for (const entry of [31, 32, 33, 1_000_003]) expect(seen.has(entry)).toBe(true);
    expect(seen.has(34)).toBe(false);
  });
});
