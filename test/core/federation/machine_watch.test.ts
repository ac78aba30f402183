import { describe, expect, test } from "bun:test";
import { MachineWatch, networkAddresses } from "../../../src/core/federation/machine_watch.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

describe("MachineWatch", () => {
  test("tells a jump once, and no drift however long", async () => {
    const clock = new VirtualClock();
    const watch = new MachineWatch(clock, () => "");
    for (let n = 0; n < 20; n++) {
      clock.jumpWall(1000);
      expect(watch.clockJumped()).toBe(false);
    }
    clock.jumpWall(10_001);
    expect([watch.clockJumped(), watch.clockJumped()]).toEqual([true, false]);
    await clock.advance(86_400_000);
    expect(watch.clockJumped()).toBe(false);
  });

  test("tells a change of network once", () => {
    let network = "a";
    const watch = new MachineWatch(new VirtualClock(), () => network);
    expect(watch.networkChanged()).toBe(false);
    network = "b";
    expect([watch.networkChanged(), watch.networkChanged()]).toEqual([true, false]);
  });

  test("the addresses of this machine can be told and stay what they are", () => {
    expect(networkAddresses()).toBe(networkAddresses());
    expect(networkAddresses()).not.toContain("127.0.0.1");
  });
});
