import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { ScanLock } from "../../../src/core/sync/scan_lock.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const NAS = "nas" as OriginId;

interface Found {
  readonly files: number;
}

class Fixture implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "musicfs-lock-"));
  readonly clock = new VirtualClock();

  acquire(wait = false, signal?: AbortSignal): Promise<ScanLock<Found>> {
    return ScanLock.acquire(this.directory, NAS, { clock: this.clock, wait, signal });
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }
}

describe("ScanLock", () => {
  test("is held by one at a time", async () => {
    using fixture = new Fixture();
    using first = await fixture.acquire();
    expect(first.waited).toBe(false);
    expect(await fixture.acquire().catch((error: unknown) => error)).toMatchObject({
      ...{ code: "busy", message: "another scan of origin nas is running" },
    });
    first[Symbol.dispose]();
    using second = await fixture.acquire();
    expect(second.waited).toBe(false);
  });

  test("is waited for, and says what the scan before found", async () => {
    using fixture = new Fixture();
    const first = await fixture.acquire();
    first.begin();
    const waiting = fixture.acquire(true);
    await fixture.clock.advance(60_000);
    first.end({ files: 3 });
    first[Symbol.dispose]();
    await fixture.clock.advance(1000);
    using second = await waiting;
    expect(second.waited).toBe(true);
    expect(second.foundBefore()).toEqual({ files: 3 });
    second.begin();
    expect(second.foundBefore()).toBeUndefined();
    expect(fixture.clock.pendingTimers).toBe(0);
  });

  test("knows nothing of a scan that was killed, nor of another program's", async () => {
    using fixture = new Fixture();
    using lock = await fixture.acquire();
    lock.end({ files: 3 });
    lock.begin();
    expect(lock.foundBefore()).toBeUndefined();
    for (const text of ['{"layout":1,"fou', "3", "null", '{"layout":2,"found":{}}']) {
      writeFileSync(lock.file, text);
      expect(lock.foundBefore()).toBeUndefined();
    }
  });

  test("is waited for no longer than its signal says", async () => {
    using fixture = new Fixture();
    using _held = await fixture.acquire();
    const abort = new AbortController();
    const waiting = fixture.acquire(true, abort.signal).catch((error: unknown) => error);
    await fixture.clock.advance(1000);
    abort.abort("enough");
    expect(await waiting).toMatchObject({ code: "cancelled" });
    expect(fixture.clock.pendingTimers).toBe(0);
  });
});
