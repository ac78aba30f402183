import { describe, expect, test } from "bun:test";
import { PacketBatch } from "../../../../src/core/origins/sftp/packet_batch.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe("packet batch", () => {
  test("sends the packets of one turn together, in order, and none twice", () => {
    const written: string[] = [];
    const turns: (() => void)[] = [];
    const batch = new PacketBatch(
      (bytes) => written.push(text(bytes)),
      (flush) => turns.push(flush),
    );
    for (const packet of ["open", "stat", "realpath"]) batch.add(Buffer.from(packet));
    expect(written).toEqual([]);
    expect(turns).toHaveLength(1);
    turns.shift()?.();
    batch.add(Buffer.from("read"));
    expect(turns).toHaveLength(1);
    turns.shift()?.();
    expect(written).toEqual(["openstatrealpath", "read"]);
  });

  test("takes in what the promises of a turn send, and lets nothing else go first", async () => {
    const written: string[] = [];
    const batch = new PacketBatch((bytes) => written.push(text(bytes)));
    const nextEvent = new Promise<void>((resolve) => {
      setImmediate(() => {
        written.push("next event");
        resolve();
      });
    });
    await Promise.resolve();
    batch.add(Buffer.from("a"));
    await Promise.resolve().then(() => Promise.resolve());
    batch.add(Buffer.from("b"));
    await nextEvent;
    expect(written).toEqual(["ab", "next event"]);
  });
});
