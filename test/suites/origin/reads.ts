/** Reads are byte-exact at any offset. */

import { expect, test } from "bun:test";
import type { ByteName } from "../../../src/core/bytes.ts";
import type { OriginHarness } from "./harness.ts";
import { bytesOf, codeOf, listAll, path, patterned } from "./looking.ts";

export function reads(harness: OriginHarness): void {
  test("reads any stretch of a file, byte for byte", async () => {
    await using fixture = await harness.open();
    const content = patterned(300_001);
    await fixture.put(path("file"), content);
    const { sizeBytes } = await fixture.origin.stat(path("file"));
    expect(sizeBytes).toBe(content.byteLength);
    for (const offset of [0, 1, 4095, 4096, 65_535, 131_072, 299_999, 300_000]) {
      for (const length of [1, 7, 4096, 65_537, 400_000]) {
        const into = new Uint8Array(length);
        const read = await fixture.origin.read(path("file"), offset, into);
        expect(read).toBe(Math.min(length, sizeBytes - offset));
        expect(Bun.hash(into.subarray(0, read))).toBe(
          Bun.hash(content.subarray(offset, offset + read)),
        );
      }
    }
  });

  test("reads more at once than any one message of its protocol holds", async () => {
    await using fixture = await harness.open();
    const content = patterned(5 * 1024 * 1024 + 17);
    await fixture.put(path("file"), content);
    const into = new Uint8Array(6 * 1024 * 1024);
    expect(await fixture.origin.read(path("file"), 1, into)).toBe(content.byteLength - 1);
    expect(Bun.hash(into.subarray(0, content.byteLength - 1))).toBe(Bun.hash(content.subarray(1)));
  });

  test("tells of a long read's bytes as they come, if it says that it does", async () => {
    await using fixture = await harness.open();
    const { origin } = fixture;
    await fixture.put(path("file"), patterned(2 * 1024 * 1024));
    let told = 0;
    const onProgress = () => void told++;
    const into = new Uint8Array(2 * 1024 * 1024);
    expect(await origin.read(path("file"), 0, into, { onProgress })).toBe(into.byteLength);
    if (origin.capabilities.tellsProgress) expect(told).toBeGreaterThan(1);
    else expect(told).toBe(0);
  });

  test("writes into its part of a larger buffer only", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("file"), patterned(10));
    const whole = new Uint8Array(30).fill(0xaa);
    expect(await fixture.origin.read(path("file"), 0, whole.subarray(10, 20))).toBe(10);
    expect(whole.subarray(0, 10)).toEqual(new Uint8Array(10).fill(0xaa));
    expect(whole.subarray(10, 20)).toEqual(patterned(10));
    expect(whole.subarray(20)).toEqual(new Uint8Array(10).fill(0xaa));
  });

  test("reads nothing at or past the end, of an empty file, and when asked for nothing", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("file"), patterned(100));
    await fixture.put(path("empty"), new Uint8Array(0));
    const { origin } = fixture;
    const into = new Uint8Array(10);
    expect(await origin.read(path("file"), 100, into)).toBe(0);
    expect(await origin.read(path("file"), 101, into)).toBe(0);
    expect(await origin.read(path("file"), 2 ** 45, into)).toBe(0);
    expect(await origin.read(path("empty"), 0, into)).toBe(0);
    expect(await origin.read(path("file"), 5, new Uint8Array(0))).toBe(0);
    expect((await origin.stat(path("empty"))).sizeBytes).toBe(0);
    expect((await listAll(origin)).get("empty" as ByteName)?.sizeBytes).toBe(0);
  });

  test("serves many reads at once", async () => {
    await using fixture = await harness.open();
    const content = patterned(1_000_000);
    await fixture.put(path("file"), content);
    const results = Array.from({ length: 50 }, async (_, i) => {
      const into = new Uint8Array(10_000);
      expect(await fixture.origin.read(path("file"), i * 19_000, into)).toBe(10_000);
      return Buffer.compare(into, content.subarray(i * 19_000, i * 19_000 + 10_000));
    });
    expect(new Set(await Promise.all(results))).toEqual(new Set([0]));
  });

  if (harness.sparseFiles) {
    test("reads beyond 4 GiB (S-1)", async () => {
      await using fixture = await harness.open();
      const size = 5 * 2 ** 30 + 3;
      const tail = patterned(1000);
      await fixture.putSparse?.(path("large"), size, tail);
      const version = await fixture.origin.stat(path("large"));
      expect(version.sizeBytes).toBe(size);
      const into = new Uint8Array(2000);
      expect(await fixture.origin.read(path("large"), size - 1500, into, { version })).toBe(1500);
      expect(into.subarray(0, 500)).toEqual(new Uint8Array(500));
      expect(into.subarray(500, 1500)).toEqual(tail);
      expect(await fixture.origin.read(path("large"), 2 ** 32 - 5, into)).toBe(2000);
      expect(into).toEqual(new Uint8Array(2000));
    });
  }

  test("says of what it cannot read why", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("directory/file"), bytesOf("x"));
    const read = (at: string) => codeOf(fixture.origin.read(path(at), 0, new Uint8Array(1)));
    expect(await read("missing")).toBe("not_found");
    expect(await read("missing/file")).toBe("not_found");
    expect(["is_a_directory", "not_found"]).toContain(await read("directory"));
    expect(["not_a_directory", "not_found"]).toContain(await read("directory/file/below"));
    expect(await codeOf(fixture.origin.stat(path("missing")))).toBe("not_found");
    expect(["not_a_directory", "not_found"]).toContain(
      await codeOf(fixture.origin.stat(path("directory/file/below"))),
    );
  });
}
