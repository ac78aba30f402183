import { expect, test } from "bun:test";
import { LatencyCollector } from "../../../src/core/mount/latency_collector.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { LatencyRings } from "../../../src/core/vfs/latency_rings.ts";
import { RoutingTable } from "../../../src/core/vfs/routing_table.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

function setUp() {
  const clock = new VirtualClock();
  const routing = new RoutingTable();
  const latencies = new LatencyRings();
  const recorded: [string, number][] = [];
  const known = new Map(["a", "b"].map((id) => [id, { id }]));
  const federation = {
    registry: { get: (id: string) => known.get(id) },
    recordLatency: ({ id }: { id: string }, ms: number) => recorded.push([id, ms]),
  };
  const collector = new LatencyCollector(clock, federation as never, routing, latencies);
  const row = (id: string) => routing.claim(id as OriginId);
  return { clock, routing, latencies, recorded, known, collector, row };
}

test("F-2 samples of the reader threads reach the router within a second of the first", async () => {
  const { clock, latencies, recorded, collector, row } = setUp();
  const [a, b] = [row("a"), row("b")];
  for (const [origin, ms] of [
    [a, 5],
    [b, 7],
    [a, 6],
  ] as const) {
    if (latencies.add(origin, ms)) collector.announced();
  }
  await clock.advance(999);
  expect(recorded).toEqual([]);
  await clock.advance(1);
  expect(recorded).toEqual([
    ["a", 5],
    ["a", 6],
    ["b", 7],
  ]);
  if (latencies.add(a, 8)) collector.announced();
  await clock.advance(1000);
  expect(recorded.at(-1)).toEqual(["a", 8]);
});

test("nothing runs while nothing is measured", async () => {
  const { clock, latencies, collector, row } = setUp();
  expect(clock.pendingTimers).toBe(0);
  if (latencies.add(row("a"), 5)) collector.announced();
  expect(clock.pendingTimers).toBe(1);
  await clock.advance(1000);
  expect(clock.pendingTimers).toBe(0);
  if (latencies.add(row("a"), 5)) collector.announced();
  collector[Symbol.dispose]();
  expect(clock.pendingTimers).toBe(0);
});

test("F-9 samples of an origin that is gone are dropped, and its row is free for another", async () => {
  const { clock, routing, latencies, recorded, known, collector, row } = setUp();
  const a = row("a");
  if (latencies.add(a, 5)) collector.announced();
  routing.vacate("a" as OriginId);
  known.delete("a");
  await clock.advance(1000);
  expect(row("b")).toBe(a);
  if (latencies.add(a, 9)) collector.announced();
  await clock.advance(1000);
  expect(recorded).toEqual([["b", 9]]);
});
