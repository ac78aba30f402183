import { describe, expect, test } from "bun:test";
import type { BytePath } from "../../../src/core/bytes.ts";
import type { LiveUpdate } from "../../../src/core/control/live.ts";
import { type LoggedRead, ReadLog } from "../../../src/core/control/read_log.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { Controlled } from "./controlled.ts";

const nas = "nas" as OriginId;

function read(path: string): LoggedRead {
  const timeMs = Date.UTC(2026, 0, 2);
  return {
    ...{ timeMs, path: path as BytePath, origin: nas, bytes: 4096 },
    ...{ latencyMs: 1.23456, marks: ["failover"] },
  };
}

describe("ReadLog", () => {
  test("gives each follower what came since it looked last, the latest of too many", () => {
    const log = new ReadLog(2);
    expect(log.isRead).toBe(false);
    log.add(read("before"));
    using follower = log.follow();
    expect([log.isRead, follower.take()]).toEqual([true, []]);
    log.add(read("1"));
    expect(follower.take().map(({ path }) => String(path))).toEqual(["1"]);
    for (const path of ["2", "3", "4"]) log.add(read(path));
    expect(follower.take().map(({ path }) => String(path))).toEqual(["3", "4"]);
    follower[Symbol.dispose]();
    expect(log.isRead).toBe(false);
  });
});

describe("GET /v1/live", () => {
  test("begins with the latest events and the state, and goes on with what happens", async () => {
    await using controlled = new Controlled();
    const mount = controlled.serve();
    controlled.events.emit({ type: "recovered", origin: nas });
    const live = (await controlled.client()).live();
    const first = await next(live);
    expect(first).toMatchObject({ kind: "event", event: { type: "recovered", origin: "nas" } });
    expect(await next(live)).toMatchObject({
      kind: "state",
      mount_point: mount.identity.mountPoint,
      started: "2026-01-01T00:00:00.000Z",
      status: "healthy",
      files: 12,
      reads_waiting: 0,
      origins: [
        { id: "disk", status: "healthy", in_flight: 2, reads: 3, bytes: 4096, next_check: null },
        { id: "attic", status: "unknown", enabled: false },
      ],
      scans: [],
      cache: null,
    });
    controlled.reads.add(read("a/1.flac"));
    expect(await next(live)).toEqual({
      kind: "read",
      time: "2026-01-02T00:00:00.000Z",
      path: "a/1.flac",
      origin: "nas",
      bytes: 4096,
      latency_ms: 1.235,
      marks: ["failover"],
    });
    expect(await next(live)).toMatchObject({ kind: "state" });
    await live.return(undefined);
    for (let tries = 0; controlled.reads.isRead; tries++) {
      if (tries > 100) throw new Error("a stream that was left is still fed");
      await Bun.sleep(20);
    }
  });

  test("ends with the mount", async () => {
    await using controlled = new Controlled();
    controlled.serve();
    const live = (await controlled.client()).live();
    await next(live);
    await controlled.close();
    const rest = await Array.fromAsync(live).catch(
      (error: { readonly code: string }) => error.code,
    );
    expect(Array.isArray(rest) || rest === "cancelled").toBe(true);
    expect(controlled.reads.isRead).toBe(false);
  });
});

async function next(live: AsyncGenerator<LiveUpdate>): Promise<LiveUpdate> {
  const { value, done } = await live.next();
  if (done) throw new Error("the stream ended");
  return value;
}
