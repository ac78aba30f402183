import { describe, expect, test } from "bun:test";
import { EventBus } from "../../../src/core/events.ts";
import { ServiceNotices, serviceManager } from "../../../src/core/mount/service_notices.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const nas = "nas" as OriginId;

function setUp(watchdogMs?: number) {
  const clock = new VirtualClock();
  const events = new EventBus();
  const sent: string[][] = [];
  const socket = { send: (...lines: readonly string[]) => sent.push([...lines]) > 0 };
  let status = "healthy";
  const notices = new ServiceNotices(watchdogMs, { socket, clock, events, status: () => status });
  const turn = (to: string) => {
    status = to;
    events.emit({ type: "health_changed", origin: nas, from: "healthy", to: "unhealthy" });
  };
  return { clock, events, sent, notices, turn };
}

describe("ServiceNotices", () => {
  test("says nothing before the mount can be used, then how it is whenever that changes", () => {
    const { events, sent, notices, turn } = setUp();
    turn("unhealthy");
    expect(sent).toEqual([]);
    notices.ready();
    turn("unhealthy");
    turn("degraded");
    notices.stopping();
    expect(sent).toEqual([["READY=1", "STATUS=unhealthy"], ["STATUS=degraded"], ["STOPPING=1"]]);
    notices[Symbol.dispose]();
    expect(events.listenerCount).toBe(0);
  });

  test("says twice as often as asked that it lives", async () => {
    const { clock, sent, notices } = setUp(10_000);
    await clock.advance(20_000);
    expect(sent).toEqual([]);
    notices.ready();
    await clock.advance(10_000);
    expect(sent.slice(1)).toEqual([["WATCHDOG=1"], ["WATCHDOG=1"], ["WATCHDOG=1"]]);
    notices[Symbol.dispose]();
    expect(clock.pendingTimers).toBe(0);
  });

  test("tells of a reload's beginning and its end, also of one that failed", async () => {
    const { sent, notices } = setUp();
    const failing = notices.reloading(() => Promise.reject(new Error("wrong file")));
    await expect(failing).rejects.toThrow("wrong file");
    expect(sent).toEqual([
      ["RELOADING=1", expect.stringMatching(/^MONOTONIC_USEC=[1-9]\d+$/)],
      ["READY=1", "STATUS=healthy"],
    ]);
  });
});

describe("serviceManager()", () => {
  test("takes the variables out of the environment", () => {
    const env = {
      NOTIFY_SOCKET: "/run/n",
      WATCHDOG_USEC: "30000000",
      WATCHDOG_PID: "7",
      HOME: "/",
    };
    expect(serviceManager(env, 7)).toEqual({ socket: "/run/n", watchdogMs: 30_000 });
    expect(env as object).toEqual({ HOME: "/" });
    expect(serviceManager({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "8" }, 7).watchdogMs).toBe(
      undefined,
    );
    expect(serviceManager({ WATCHDOG_USEC: "often" }, 7)).toEqual({
      socket: undefined,
      watchdogMs: undefined,
    });
  });
});
