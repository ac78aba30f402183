/** A read that names a version gets that version's bytes or fails. */

import { expect, test } from "bun:test";
import type { OriginFixture, OriginHarness } from "./harness.ts";
import { bytesOf, codeOf, path, patterned, readAll } from "./looking.ts";

export function versions(harness: OriginHarness): void {
  const readVersion = async (fixture: OriginFixture, change: () => Promise<void>) => {
    const version = await fixture.origin.stat(path("file"));
    const into = new Uint8Array(8);
    const read = () => fixture.origin.read(path("file"), 0, into, { version });
    expect(await read()).toBe(8);
    const before = into.slice();
    await change();
    into.fill(0);
    const code = await codeOf(read());
    if (code === "resolved") expect(into).toEqual(before);
    return code;
  };
  const held = harness.holdsVersions ? ["resolved" as const] : [];

  test("gives an unchanged file one token", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("file"), patterned(8));
    const first = await fixture.origin.stat(path("file"));
    await fixture.origin.read(path("file"), 0, new Uint8Array(8));
    expect(await fixture.origin.stat(path("file"))).toEqual(first);
  });

  test("refuses to read a version that was replaced by one of another size", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("file"), patterned(8));
    const code = await readVersion(fixture, () => fixture.put(path("file"), patterned(9)));
    expect(["version_changed", ...held]).toContain(code);
    expect(await readAll(fixture.origin, path("file"), 20)).toEqual(patterned(9));
  });

  if (harness.capabilities.strongTokens) {
    test("refuses to read a version that was replaced by one of the same size", async () => {
      await using fixture = await harness.open();
      await fixture.put(path("file"), bytesOf("12345678"));
      const replaced = () => fixture.put(path("file"), bytesOf("abcdefgh"));
      expect(await readVersion(fixture, replaced)).toBe("version_changed");
    });
  }

  if (harness.editInPlace && harness.capabilities.strongTokens) {
    test("refuses to read a version that was edited in place", async () => {
      await using fixture = await harness.open();
      await fixture.put(path("file"), bytesOf("12345678"));
      // A clock tick apart, or nothing on earth tells the two versions from each other.
      await Bun.sleep(20);
      const edited = async () => fixture.edit?.(path("file"), 3, bytesOf("x"));
      expect(await readVersion(fixture, edited)).toBe("version_changed");
    });
  }

  test("says that a version is gone when its file is", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("file"), patterned(8));
    const code = await readVersion(fixture, () => fixture.remove(path("file")));
    expect(["not_found", "version_changed", ...held]).toContain(code);
    expect(await codeOf(fixture.origin.stat(path("file")))).toBe("not_found");
  });
}
