import { describe, expect, test } from "bun:test";

import { fail } from "./scripted_origin.ts";
import { federate, provedOn, timed } from "./setting.ts";

describe("the reader's buffer", () => {
  test("is never an origin's: who answers late or after a failure cannot write to it", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    const file = provedOn(a, b);
    // a ignores the abort and writes rubbish later.
    const leaked: Uint8Array[] = [];
    a.read = async (_path, _offset, into) => {
      leaked.push(into);
      return new Promise(() => undefined);
    };
    const into = new Uint8Array(1000);
    await clock.run(federation.read(file, 0, into));
    b.reads = fail("connection");
    for (const late of leaked) late.fill(0xff);
    expect(into).toEqual(file.content);
    // Nor does a later read get a buffer that a late writer still holds.
    b.reads = { kind: "ok" };
    const again = new Uint8Array(1000);
    const reading = federation.read(file, 0, again);
    for (const late of leaked) late.fill(0xee);
    await clock.run(reading);
    expect(again).toEqual(file.content);
    const held = leaked.map(({ buffer }) => buffer);
    for (const call of b.readCalls) expect(held).not.toContain(call.into.buffer);
    await federation.close();
  });

  test("is safe from who failed and writes all the same", async () => {
    const { federation, clock, origins } = await federate(["a", "b"]);
    const [a, b] = origins;
    a.reads = fail("connection");
    await clock.run(federation.read(provedOn(a, b), 0, new Uint8Array(10)));
    await clock.run(federation.read(provedOn(a, b), 0, new Uint8Array(10)));
    const failed = a.readCalls.map(({ into }) => into.buffer);
    for (const { into } of b.readCalls) expect(failed).not.toContain(into.buffer);
    // Whereas one that answered has let go of its buffer.
    expect(b.readCalls[1]?.into.buffer).toBe(b.readCalls[0]?.into.buffer as ArrayBuffer);
    await federation.close();
  });

  test("is lent by `fetch`, and nobody else's until it is given back", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    const [a] = origins;
    const file = provedOn(a);
    const fetched = await clock.run(federation.fetch(file, 0, 1000));
    expect(fetched.outcome).toMatchObject({ bytesRead: 1000, proved: true });
    expect(fetched.bytes).toEqual(file.content.slice(0, 1000));
    const { buffer } = fetched.bytes;
    await clock.run(federation.read(file, 0, new Uint8Array(1000)));
    expect(a.readCalls[1]?.into.buffer).not.toBe(buffer as ArrayBuffer);
    fetched[Symbol.dispose]();
    // Twice is once: who has it now keeps it.
    fetched[Symbol.dispose]();
    const both = await clock.run(
      Promise.all([federation.fetch(file, 0, 1000), federation.fetch(file, 0, 1000)]),
    );
    expect(both[0].bytes.buffer).not.toBe(both[1].bytes.buffer);
    await federation.close();
  });

  test("keeps its contents when the read fails", async () => {
    const { federation, clock, origins } = await federate(["a"]);
    origins[0].reads = fail("credentials");
    const into = new Uint8Array(10).fill(9);
    await timed(clock, federation.read(provedOn(origins[0]), 0, into));
    expect(into).toEqual(new Uint8Array(10).fill(9));
    await federation.close();
  });
});
