import { describe, expect, test } from "bun:test";
import type { BytePath } from "../../../../src/core/bytes.ts";
import { ROOT_PATH } from "../../../../src/core/bytes.ts";
import { MemoryOrigin } from "../../../../src/core/origins/memory.ts";
import type { Origin } from "../../../../src/core/origins/origin.ts";
import { FaultPlan, withFaults } from "../../../../src/core/origins/wrappers/faults.ts";
import { withTimeout } from "../../../../src/core/origins/wrappers/timeout.ts";
import { WrappedOrigin } from "../../../../src/core/origins/wrappers/wrapped.ts";
import { VirtualClock } from "../../../support/virtual_clock.ts";

const FILE = "file" as BytePath;

function hanging(clock: VirtualClock) {
  const memory = new MemoryOrigin({ id: "memory", clock, pageEntries: 1 });
  memory.put("file", "12345678");
  memory.put("other", "x");
  const plan = new FaultPlan(clock);
  return { plan, origin: withTimeout(withFaults(memory, plan), 30_000, clock) };
}

async function drain(listing: AsyncIterable<unknown>): Promise<number> {
  let pages = 0;
  for await (const _ of listing) pages++;
  return pages;
}

describe("withTimeout", () => {
  test("ends every kind of operation in time, and cancels it (R-2)", async () => {
    const clock = new VirtualClock();
    const { origin, plan } = hanging(clock);
    plan.add({ fault: { kind: "hang" } });
    const operations = [
      origin.read(FILE, 0, new Uint8Array(8)),
      origin.stat(FILE),
      origin.probe(),
      drain(origin.list(ROOT_PATH)),
    ];
    const outcomes = Promise.allSettled(operations);
    await clock.advance(29_999);
    expect(clock.pendingTimers).toBe(4);
    await clock.advance(1);
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({
        status: "rejected",
        reason: { code: "timeout", scope: "origin", retryable: true },
      });
    }
    expect(clock.pendingTimers).toBe(0);
  });

  test("rejects although the inner operation never settles, whatever it is told", async () => {
    const clock = new VirtualClock();
    let told: AbortSignal | undefined;
    const deaf = new WrappedOrigin(new MemoryOrigin({ id: "deaf" }), (_operation, signal) => {
      told = signal;
      return new Promise(() => undefined);
    });
    const read = withTimeout(deaf, 100, clock).read(FILE, 0, new Uint8Array(1));
    const outcome = read.catch((error) => error.code);
    await clock.advance(100);
    expect(await outcome).toBe("timeout");
    expect(told?.aborted).toBeTrue();
    const listing = withTimeout(deaf, 100, clock).list(ROOT_PATH);
    const listed = drain(listing).catch((error) => error.code);
    await clock.advance(100);
    expect(await listed).toBe("timeout");
  });

  test("gives an operation that is slow, but not too slow, all its time", async () => {
    const clock = new VirtualClock();
    const { origin, plan } = hanging(clock);
    plan.add({ fault: { kind: "slow", delayMs: 29_000 } });
    expect(await clock.run(origin.read(FILE, 0, new Uint8Array(8)))).toBe(8);
    expect(clock.pendingTimers).toBe(0);
  });

  test("counts for each page of a listing anew, and not while its caller is busy", async () => {
    const clock = new VirtualClock();
    const { origin } = hanging(clock);
    const listing = origin.list(ROOT_PATH)[Symbol.asyncIterator]();
    expect((await listing.next()).done).toBeFalse();
    await clock.advance(120_000);
    expect((await listing.next()).done).toBeFalse();
    expect((await listing.next()).done).toBeTrue();
  });

  test("answers `cancelled`, not `timeout`, when its caller gave up", async () => {
    const clock = new VirtualClock();
    const { origin, plan } = hanging(clock);
    plan.add({ fault: { kind: "hang" } });
    const controller = new AbortController();
    const read = origin.read(FILE, 0, new Uint8Array(8), { signal: controller.signal });
    const outcome = read.catch((error) => [error.code, error.cause]);
    await clock.advance(10);
    controller.abort("not needed");
    expect(await outcome).toEqual(["cancelled", "not needed"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("leaves errors of the origin as they are", async () => {
    const clock = new VirtualClock();
    const { origin } = hanging(clock);
    await expect(origin.stat("missing" as BytePath)).rejects.toMatchObject({ code: "not_found" });
    expect(clock.pendingTimers).toBe(0);
  });

  test("offers what the inner origin offers and nothing more", () => {
    const clock = new VirtualClock();
    const memory: Origin = new MemoryOrigin({ id: "memory" });
    const wrapped = withTimeout(memory, 1, clock);
    expect(wrapped.watch).toBeDefined();
    expect(wrapped.proof).toBeUndefined();
    const changes: unknown[] = [];
    using _ = wrapped.watch?.((directory) => changes.push(directory));
    (memory as MemoryOrigin).put("a/b", "x");
    expect(changes).toEqual(["", "a", "a"]);
  });
});
