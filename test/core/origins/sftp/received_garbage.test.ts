import { describe, expect, test } from "bun:test";
import { COLLECT_ALL_EACH, COLLECT_EACH_BYTES } from "../../../../src/core/limits.ts";
import { ReceivedGarbage } from "../../../../src/core/origins/sftp/received_garbage.ts";

describe("ReceivedGarbage", () => {
  test("is collected as bytes come, all of it now and then", () => {
    const collected: string[] = [];
    const garbage = new ReceivedGarbage({
      young: () => collected.push("young"),
      all: () => collected.push("all"),
    });
    const piece = COLLECT_EACH_BYTES / 4;
    for (let i = 0; i < 3; i++) garbage.received(piece);
    expect(collected).toEqual([]);
    garbage.received(piece);
    expect(collected).toEqual(["young"]);
    for (let i = 0; i < 4 * (2 * COLLECT_ALL_EACH - 1); i++) garbage.received(piece);
    expect(collected.length).toBe(2 * COLLECT_ALL_EACH);
    const whole = collected.flatMap((kind, at) => (kind === "all" ? [at + 1] : []));
    expect(whole).toEqual([COLLECT_ALL_EACH, 2 * COLLECT_ALL_EACH]);
  });
});
