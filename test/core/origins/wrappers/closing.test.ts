import { describe, expect, test } from "bun:test";
import { type BytePath, ROOT_PATH } from "../../../../src/core/bytes.ts";
import { MemoryOrigin } from "../../../../src/core/origins/memory.ts";
import { withClosing } from "../../../../src/core/origins/wrappers/closing.ts";
import { FaultPlan, withFaults } from "../../../../src/core/origins/wrappers/faults.ts";
import { VirtualClock } from "../../../support/virtual_clock.ts";

const FILE = "file" as BytePath;

function setUp() {
  const clock = new VirtualClock();
  const memory = new MemoryOrigin({ id: "a", clock, pageEntries: 1 });
  memory.put(FILE, "bytes");
  memory.put("other", "bytes");
  const faults = new FaultPlan(clock);
  return { memory, faults, origin: withClosing(withFaults(memory, faults)) };
}

describe("withClosing", () => {
  test("F-9 ends what is under way when it is closed, though the origin hangs", async () => {
    const { origin, faults } = setUp();
    faults.add({ fault: { kind: "hang" } });
    const hanging = [
      origin.stat(FILE),
      origin.read(FILE, 0, new Uint8Array(1)),
      origin.probe(),
      origin.list(ROOT_PATH)[Symbol.asyncIterator]().next(),
    ];
    void origin.close();
    for (const operation of hanging) {
      expect(await operation.catch((error: unknown) => error)).toMatchObject({
        code: "connection",
      });
    }
  });

  test("F-9 lets nothing through after it is closed, the next page of a listing neither", async () => {
    const { origin, memory } = setUp();
    const pages = origin.list(ROOT_PATH)[Symbol.asyncIterator]();
    await pages.next();
    await origin.close();
    const before = { ...memory.counts };
    expect(await pages.next().catch((error: unknown) => error)).toMatchObject({
      code: "connection",
    });
    expect(await origin.stat(FILE).catch((error: unknown) => error)).toMatchObject({
      code: "connection",
    });
    expect(memory.counts).toEqual(before);
  });
});
