import { describe, expect, test } from "bun:test";
import { FIRST_BYTE_READ_BYTES } from "../../../src/core/limits.ts";
import { hang, slow, trickle } from "./scripted_origin.ts";
import { federate, provedOn, someBytes, TestFile, timed } from "./setting.ts";

/** A read of 4 MiB, for whose answer an origin without a history is given 16 s. */
const PORTIONS = 16;

async function longRead(tellsProgress = true) {
  const setting = await federate(["a", "b"]);
  const { federation, origins } = setting;
  const [a, b] = origins;
  a.capabilities = { ...a.capabilities, tellsProgress };
  const file = new TestFile(someBytes(PORTIONS * FIRST_BYTE_READ_BYTES), [
    [a, "proved"],
    [b, "proved"],
  ]);
  const into = new Uint8Array(file.content.byteLength);
  return { ...setting, a, b, file, into, read: () => federation.read(file, 0, into) };
}

describe("an origin that tells of bytes as they come", () => {
  test("is left after a second without any in the middle of a long read, and has failed (F-8)", async () => {
    const { federation, clock, a, b, file, into, read } = await longRead();
    a.nextReads.push(trickle(100, 5, hang));
    const stuck = await timed(clock, read());
    expect(stuck).toMatchObject({
      value: { origin: b.id, failures: 1, failedOver: a.id, hedged: false },
      tookMs: 1500,
    });
    expect(into).toEqual(file.content);
    expect(federation.health.consecutiveFailures(a.id)).toBe(1);
    await federation.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("is waited for as long as they come", async () => {
    const { federation, clock, a, read } = await longRead();
    a.nextReads.push(trickle(900, 6));
    expect(await timed(clock, read())).toMatchObject({
      value: { origin: a.id, failures: 0, hedged: false },
      tookMs: 5400,
    });
    await federation.close();
  });

  test("is not silent while it sends another reader's", async () => {
    const { federation, clock, a, read } = await longRead();
    a.nextReads.push(slow(4000), trickle(500, 7));
    const waiting = timed(clock, read());
    const other = federation.read(provedOn(a), 0, new Uint8Array(10));
    expect(await waiting).toMatchObject({ value: { origin: a.id, failures: 0 }, tookMs: 4000 });
    expect(await other).toMatchObject({ origin: a.id });
    await federation.close();
  });

  test("is left sooner than one that does not, for which half of the deadline is waited", async () => {
    const { federation, clock, a, b, read } = await longRead(false);
    a.nextReads.push(hang);
    const stuck = await timed(clock, read());
    expect(stuck).toMatchObject({ value: { origin: b.id }, tookMs: 15_000 });
    await federation.close();
  });
});
