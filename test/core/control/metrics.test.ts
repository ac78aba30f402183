import { describe, expect, test } from "bun:test";
import { pathFromText } from "../../../src/core/bytes.ts";
import { EventCounts } from "../../../src/core/control/event_counts.ts";
import { Metrics } from "../../../src/core/control/metrics.ts";
import { serveMetrics } from "../../../src/core/control/metrics_server.ts";
import { EventBus } from "../../../src/core/events.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { Controlled, FakeMount } from "./controlled.ts";

const [nas, disk] = ["nas", "disk"] as OriginId[] as [OriginId, OriginId];

describe("metrics", () => {
  test("are a page in Prometheus's format, anew each time", async () => {
    await using controlled = new Controlled();
    const mount = controlled.serve();
    const client = await controlled.client();
    const before = await client.metrics();
    expect(before).toContain(
      'musicfs_origin_health{origin="disk",type="local",status="healthy"} 1',
    );
    expect(before).toContain(
      'musicfs_origin_latency_seconds{origin="disk",quantile="0.5"} 0.000412',
    );
    expect(before).toContain('musicfs_origin_reads_total{origin="disk"} 3');
    expect(before).toContain("musicfs_library_files 12");
    expect(before).toContain("# TYPE musicfs_origin_read_bytes_total counter");
    expect(before).toMatch(/^process_open_fds [1-9]/m);
    for (const origin of [nas, disk]) controlled.events.emit({ type: "origin_added", origin });
    const path = pathFromText("a");
    for (let n = 0; n < 2; n++) {
      controlled.events.emit({ type: "failover", path, from: nas, to: disk, reason: "timeout" });
    }
    controlled.events.emit({ type: "scan_finished", origin: disk, outcome: "held" });
    mount.settings = mount.settings.slice(1);
    const after = await client.metrics();
    expect(after).toContain('musicfs_failovers_total{from="nas",to="disk"} 2');
    expect(after).toContain('musicfs_scans_total{origin="disk",outcome="held"} 1');
    expect(after).toContain('musicfs_events_total{type="failover"} 2');
    expect(after).not.toContain('musicfs_origin_reads_total{origin="disk"}');
    expect((await client.metrics()).match(/^musicfs_failovers_total\{.*/gm)).toEqual([
      'musicfs_failovers_total{from="nas",to="disk"} 2',
    ]);
  });

  test("forget an origin that was removed (F-9)", () => {
    const events = new EventBus();
    using counts = new EventCounts(events);
    events.emit({ type: "failover", path: pathFromText("a"), from: nas, to: disk, reason: "" });
    events.emit({ type: "scan_finished", origin: nas, outcome: "complete" });
    events.emit({ type: "origin_removed", origin: nas });
    expect([[...counts.failovers], [...counts.scans]]).toEqual([[], []]);
  });

  test("on a TCP address there is nothing but their page", async () => {
    const mount = new FakeMount("/cache");
    using counts = new EventCounts(new EventBus());
    const metrics = new Metrics(mount, counts);
    const faults: string[] = [];
    await using server = serveMetrics({ host: "127.0.0.1", port: 0 }, metrics, (message) => {
      faults.push(message);
    });
    const at = `http://127.0.0.1:${server.port}`;
    const page = await fetch(`${at}/metrics`);
    expect(page.headers.get("content-type")).toStartWith("text/plain");
    expect(await page.text()).toContain("musicfs_library_files 12");
    expect((await fetch(`${at}/v1/status`)).status).toBe(404);
    expect((await fetch(`${at}/metrics`, { method: "POST" })).status).toBe(405);
    mount.totals = () => {
      throw new TypeError("broken");
    };
    expect((await fetch(`${at}/metrics`)).status).toBe(500);
    expect(faults).toEqual(["the metrics page: broken"]);
    expect(() =>
      serveMetrics({ host: "127.0.0.1", port: server.port }, metrics, () => undefined),
    ).toThrow(/nobody can listen on 127\.0\.0\.1:\d+ for metrics/);
  });
});
