/** Cancelling, closing, probing. */

import { expect, test } from "bun:test";
import { ROOT_PATH } from "../../../src/core/bytes.ts";
import type { OriginHarness } from "./harness.ts";
import { bytesOf, codeOf, descriptors, eventually, listAll, path, patterned } from "./looking.ts";

export function givingUp(harness: OriginHarness): void {
  test("does nothing for a signal that has aborted before", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("file"), patterned(100));
    const { origin } = fixture;
    const signal = AbortSignal.abort("enough");
    const into = new Uint8Array(100);
    expect(await codeOf(origin.read(path("file"), 0, into, { signal }))).toBe("cancelled");
    expect(into).toEqual(new Uint8Array(100));
    expect(await codeOf(origin.stat(path("file"), signal))).toBe("cancelled");
    expect(await codeOf(origin.probe(signal))).toBe("cancelled");
    const listing = origin.list(ROOT_PATH, signal)[Symbol.asyncIterator]();
    expect(await codeOf(listing.next())).toBe("cancelled");
  });

  test("stops when its signal aborts, and leaves the buffer alone from then on", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("file"), patterned(3_000_000));
    const { origin } = fixture;
    const controller = new AbortController();
    const into = new Uint8Array(3_000_000);
    const { signal } = controller;
    const read = codeOf(origin.read(path("file"), 0, into, { signal }));
    const stat = codeOf(origin.stat(path("file"), signal));
    const probe = codeOf(origin.probe(signal));
    const listing = codeOf(origin.list(ROOT_PATH, signal)[Symbol.asyncIterator]().next());
    controller.abort("enough");
    const copy = into.slice();
    expect(await Promise.all([read, stat, probe, listing])).toEqual([
      "cancelled",
      "cancelled",
      "cancelled",
      "cancelled",
    ]);
    await Bun.sleep(30);
    expect(Buffer.compare(into, copy)).toBe(0);
    expect(await origin.read(path("file"), 0, new Uint8Array(10))).toBe(10);
  });

  test("gives no page after its signal has aborted", async () => {
    await using fixture = await harness.open();
    for (let i = 0; i < 3; i++) await fixture.put(path(`${i}`), bytesOf("x"));
    const controller = new AbortController();
    const listing = fixture.origin.list(ROOT_PATH, controller.signal)[Symbol.asyncIterator]();
    await listing.next();
    controller.abort();
    // What ends just then may end as complete.
    const next = listing.next();
    if ((await codeOf(next)) === "resolved") expect((await next).done).toBeTrue();
    expect((await listing.next()).done).toBeTrue();
  });

  test("answers a probe", async () => {
    await using fixture = await harness.open();
    expect(await fixture.origin.probe()).toEqual({ status: "ok" });
  });

  test("refuses everything once it is closed, and may be closed twice", async () => {
    const before = descriptors();
    {
      await using fixture = await harness.open();
      await fixture.put(path("file"), patterned(100));
      const { origin } = fixture;
      const listing = origin.list(ROOT_PATH)[Symbol.asyncIterator]();
      await listing.next();
      await origin.close();
      await origin.close();
      expect(await codeOf(origin.stat(path("file")))).not.toBe("resolved");
      expect(await codeOf(origin.read(path("file"), 0, new Uint8Array(1)))).not.toBe("resolved");
      expect(await codeOf(origin.probe())).not.toBe("resolved");
      expect(await codeOf(listAll(origin))).not.toBe("resolved");
      await listing.return?.();
    }
    if (harness.countDescriptors) await eventually(() => descriptors() <= before);
  });
}
