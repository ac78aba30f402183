import { describe, expect, test } from "bun:test";
import type { BytePath } from "../../../../src/core/bytes.ts";
import { MemoryOrigin } from "../../../../src/core/origins/memory.ts";
import { withBandwidth } from "../../../../src/core/origins/wrappers/bandwidth.ts";
import { VirtualClock } from "../../../support/virtual_clock.ts";

const FILE = "file" as BytePath;

function limited(bytesPerSec: number) {
  const clock = new VirtualClock();
  const memory = new MemoryOrigin({ id: "memory", clock });
  memory.put("file", new Uint8Array(100_000));
  return { clock, origin: withBandwidth(memory, bytesPerSec, clock) };
}

describe("withBandwidth", () => {
  test("spreads reads over the time their bytes are worth", async () => {
    const { clock, origin } = limited(1000);
    const startMs = clock.monotonicMs();
    const reads = Array.from({ length: 5 }, () => origin.read(FILE, 0, new Uint8Array(500)));
    await clock.run(Promise.all(reads));
    // The first needs no waiting, each other one waits for those before it.
    expect(clock.monotonicMs() - startMs).toBe(2000);
  });

  test("costs nothing for bytes that were not there or not read", async () => {
    const { clock, origin } = limited(1000);
    const startMs = clock.monotonicMs();
    await origin.read(FILE, 99_990, new Uint8Array(1000));
    const missing = origin.read("missing" as BytePath, 0, new Uint8Array(1000));
    expect(await clock.run(missing.catch((error) => error.code))).toBe("not_found");
    await clock.run(origin.read(FILE, 0, new Uint8Array(10)));
    expect(clock.monotonicMs() - startMs).toBe(10);
  });

  test("stops waiting when its caller gives up, who then costs nothing", async () => {
    const { clock, origin } = limited(1000);
    await origin.read(FILE, 0, new Uint8Array(1000));
    const controller = new AbortController();
    const options = { signal: controller.signal };
    const read = origin.read(FILE, 0, new Uint8Array(50_000), options).catch((error) => error.code);
    controller.abort();
    expect(await read).toBe("cancelled");
    const startMs = clock.monotonicMs();
    await clock.run(origin.read(FILE, 0, new Uint8Array(10)));
    expect(clock.monotonicMs() - startMs).toBe(1000);
  });

  test("lets reads that somebody waits for go before those in the background", async () => {
    const { clock, origin } = limited(1000);
    const startMs = clock.monotonicMs();
    const ended: string[] = [];
    const read = async (name: string, background: boolean) => {
      await origin.read(FILE, 0, new Uint8Array(500), { background });
      ended.push(`${name} ${clock.monotonicMs() - startMs}`);
    };
    const reads = [read("a", true), read("b", true), read("c", true), read("d", false)];
    await clock.run(Promise.all(reads));
    expect(ended).toEqual(["a 0", "d 500", "b 1000", "c 1500"]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("tells a read when it waits for its share, and when that has come", async () => {
    const { clock, origin } = limited(1000);
    const told: [boolean, number][] = [];
    const startMs = clock.monotonicMs();
    const onWaiting = (isWaiting: boolean) =>
      void told.push([isWaiting, clock.monotonicMs() - startMs]);
    const read = (bytes: number) => origin.read(FILE, 0, new Uint8Array(bytes), { onWaiting });
    await clock.run(Promise.all([read(700), read(10)]));
    expect(told).toEqual([
      [true, 0],
      [false, 700],
    ]);
  });

  test("limits nothing but reads", async () => {
    const { clock, origin } = limited(1);
    await origin.read(FILE, 0, new Uint8Array(1000));
    expect((await origin.stat(FILE)).sizeBytes).toBe(100_000);
    expect(clock.pendingTimers).toBe(0);
  });
});
