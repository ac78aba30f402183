import { describe, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { USAGE_SAVE_MS } from "../../../src/core/limits.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { UsageLedger, type UsageStore, usageFile } from "../../../src/core/origins/usage.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const A = "a" as OriginId;
const B = "b" as OriginId;
const HOUR_MS = 3_600_000;
const NONE = { requests: 0, receivedBytes: 0, sentBytes: 0 };

function memoryStore(text?: string) {
  const saved: string[] = [];
  const store: UsageStore = {
    load: () => Promise.resolve(saved.at(-1) ?? text),
    save: async (next) => void saved.push(next),
  };
  return { store, saved };
}

function clockAt(date: string): VirtualClock {
  return new VirtualClock(1000, Date.parse(date));
}

describe("UsageLedger", () => {
  test("counts each origin's requests and bytes of today and this month", async () => {
    const clock = clockAt("2026-01-30T12:00:00Z");
    await using ledger = await UsageLedger.open({ clock, store: memoryStore().store });
    const meter = ledger.meter(A);
    meter.request();
    meter.received(100);
    meter.sent(7);
    meter.received(1);
    const counts = { requests: 1, receivedBytes: 101, sentBytes: 7 };
    expect(ledger.usage(A)).toEqual({ today: counts, thisMonth: counts });
    expect(ledger.usage(B)).toEqual({ today: NONE, thisMonth: NONE });
  });

  test("begins a new day and a new month at midnight UTC", async () => {
    const clock = clockAt("2026-01-30T12:00:00Z");
    await using ledger = await UsageLedger.open({ clock, store: memoryStore().store });
    const meter = ledger.meter(A);
    meter.request();
    await clock.advance(24 * HOUR_MS);
    expect(ledger.usage(A).today).toEqual(NONE);
    meter.request();
    expect(ledger.usage(A)).toEqual({
      today: { ...NONE, requests: 1 },
      thisMonth: { ...NONE, requests: 2 },
    });
    await clock.advance(24 * HOUR_MS);
    expect(ledger.usage(A)).toEqual({ today: NONE, thisMonth: NONE });
  });

  test("loses nothing when the clock is set back", async () => {
    const clock = clockAt("2026-02-01T00:30:00Z");
    await using ledger = await UsageLedger.open({ clock, store: memoryStore().store });
    const meter = ledger.meter(A);
    meter.request();
    clock.jumpWall(-HOUR_MS);
    meter.request();
    expect(ledger.usage(A).today.requests).toBe(2);
  });

  test("saves soon after a change, not at each, and on disposal", async () => {
    const clock = clockAt("2026-01-01T00:00:00Z");
    const { store, saved } = memoryStore();
    {
      await using ledger = await UsageLedger.open({ clock, store });
      const meter = ledger.meter(A);
      for (let i = 0; i < 1000; i++) meter.received(1);
      expect(saved).toHaveLength(0);
      await clock.advance(USAGE_SAVE_MS);
      expect(saved).toHaveLength(1);
      await clock.advance(USAGE_SAVE_MS);
      expect(saved).toHaveLength(1);
      meter.request();
    }
    expect(saved).toHaveLength(2);
    expect(clock.pendingTimers).toBe(0);
    await using again = await UsageLedger.open({ clock, store });
    expect(again.usage(A).today).toEqual({ requests: 1, receivedBytes: 1000, sentBytes: 0 });
  });

  test("forgets what was used in months gone by (F-9)", async () => {
    const clock = clockAt("2026-01-01T00:00:00Z");
    const { store } = memoryStore();
    {
      await using ledger = await UsageLedger.open({ clock, store });
      ledger.meter(A).request();
      await clock.advance(31 * 24 * HOUR_MS);
      ledger.meter(B).request();
    }
    const after = new Set<string>();
    {
      await using again = await UsageLedger.open({ clock, store });
      expect(again.usage(B).thisMonth.requests).toBe(1);
      again.meter(B).request();
    }
    for (const origin of Object.keys(JSON.parse((await store.load()) ?? ""))) after.add(origin);
    expect([...after]).toEqual([B]);
  });

  test("goes on when saving fails, and tells", async () => {
    const clock = clockAt("2026-01-01T00:00:00Z");
    const failures: unknown[] = [];
    const store: UsageStore = {
      load: () => Promise.resolve(undefined),
      save: () => Promise.reject(new Error("disk full")),
    };
    await using ledger = await UsageLedger.open({
      clock,
      store,
      onSaveFailed: (error) => void failures.push(error),
    });
    ledger.meter(A).request();
    await clock.advance(USAGE_SAVE_MS);
    ledger.meter(A).request();
    await clock.advance(USAGE_SAVE_MS);
    expect(failures).toHaveLength(2);
    expect(ledger.usage(A).today.requests).toBe(2);
  });

  test("takes text that is not its own for no counts", async () => {
    for (const text of [
      "",
      "null",
      "[1]",
      '{"a": 1}',
      '{"a": {"day": "2026-01-01", "today": "x"}}',
    ]) {
      const clock = clockAt("2026-01-01T00:00:00Z");
      await using ledger = await UsageLedger.open({ clock, store: memoryStore(text).store });
      expect(ledger.usage(A)).toEqual({ today: NONE, thisMonth: NONE });
    }
  });
});

describe("usageFile", () => {
  test("replaces its file as a whole and keeps it private", async () => {
    const directory = await mkdtemp(join(tmpdir(), "musicfs-usage-"));
    try {
      const store = usageFile(directory);
      expect(await store.load()).toBeUndefined();
      await store.save("first");
      await store.save("second");
      expect(await store.load()).toBe("second");
      expect(await readdir(directory)).toEqual(["usage.json"]);
      expect((await stat(join(directory, "usage.json"))).mode & 0o777).toBe(0o600);
      await expect(usageFile(join(directory, "missing")).save("x")).rejects.toThrow("ENOENT");
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
