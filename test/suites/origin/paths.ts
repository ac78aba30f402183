/** Nothing leads out of the root, and nothing but files and directories is served. */

import { expect, test } from "bun:test";
import { type ByteName, type BytePath, ROOT_PATH } from "../../../src/core/bytes.ts";
import type { OriginHarness, SpecialKind } from "./harness.ts";
import { bytesOf, codeOf, listAll, path, readAll } from "./looking.ts";

export function paths(harness: OriginHarness): void {
  const refused = ["..", ".", "a/..", "a/../a/file", "./a", "/a", "a/", "a//file", "a\0b", "/"];
  for (const bad of [...refused, "x".repeat(256), `a/${"x".repeat(256)}`]) {
    const shown = bad.length > 20 ? `${bad.slice(0, 5)}… of ${bad.length} bytes` : bad;
    test(`refuses the path ${JSON.stringify(shown)}`, async () => {
      await using fixture = await harness.open();
      await fixture.put(path("a/file"), bytesOf("x"));
      const { origin } = fixture;
      const at = bad as BytePath;
      expect(await codeOf(origin.stat(at))).toBe("bad_name");
      expect(await codeOf(origin.read(at, 0, new Uint8Array(1)))).toBe("bad_name");
      expect(await codeOf(listAll(origin, at))).toBe("bad_name");
    });
  }

  test("says of a path too long for it that there is nothing", async () => {
    await using fixture = await harness.open();
    const deep = Array.from({ length: 3000 }, () => "d").join("/") as BytePath;
    const deeper = Array.from({ length: 50 }, () => "d".repeat(200)).join("/") as BytePath;
    for (const at of [deep, deeper]) {
      expect(["not_found", "bad_name"]).toContain(await codeOf(fixture.origin.stat(at)));
    }
  });
}

export function links(harness: OriginHarness, outside: string): void {
  test("follows links beneath the root", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("albums/one/track"), bytesOf("music"));
    await fixture.link?.(path("albums/best"), "one");
    await fixture.link?.(path("albums/one/self"), "../best/track");
    const { origin } = fixture;
    expect([...(await listAll(origin, path("albums/best"))).keys()].sort()).toEqual([
      "self" as ByteName,
      "track" as ByteName,
    ]);
    const entry = (await listAll(origin, path("albums/one"))).get("self" as ByteName);
    expect(entry).toMatchObject({ kind: "file", sizeBytes: 5 });
    expect(await readAll(origin, path("albums/best/self"), 10)).toEqual(bytesOf("music"));
    const best = await origin.stat(path("albums/best"));
    expect(best.kind).toBe("directory");
    const { identity } = await origin.stat(path("albums/one"));
    expect(identity).toBeDefined();
    expect(best.identity).toBe(identity);
  });

  const bad = {
    dangles: ["nowhere", "not_found"],
    "leads to itself": ["link", "symlink_loop"],
    "leads out of the root by ..": ["../../../../../../../../../../etc/passwd", "outside_root"],
    "leads out of the root by its absolute path": [outside, "outside_root"],
  } as const;
  for (const [what, [target, code]] of Object.entries(bad)) {
    test(`leaves out a link that ${what}`, async () => {
      await using fixture = await harness.open();
      await fixture.put(path("file"), bytesOf("x"));
      await fixture.link?.(path("link"), target);
      const { origin } = fixture;
      expect([...(await listAll(origin)).keys()]).toEqual(["file" as ByteName]);
      // Where the server resolves links it may not tell why one leads nowhere.
      const codes = [code, "not_found", "denied"];
      expect(codes).toContain(await codeOf(origin.stat(path("link"))));
      expect(codes).toContain(await codeOf(origin.read(path("link"), 0, new Uint8Array(1))));
    });
  }

  test("shows by its identity that a link leads to an ancestor", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("a/file"), bytesOf("x"));
    await fixture.link?.(path("a/up"), "..");
    const up = await fixture.origin.stat(path("a/up"));
    expect(up.identity).toBe((await fixture.origin.stat(ROOT_PATH)).identity);
  });
}

export function specialFiles(harness: OriginHarness, kinds: readonly SpecialKind[]): void {
  for (const kind of kinds) {
    test(`neither lists nor waits for a ${kind}`, async () => {
      await using fixture = await harness.open();
      await fixture.put(path("file"), bytesOf("x"));
      await fixture.makeSpecial?.(path("special"), kind);
      const { origin } = fixture;
      expect([...(await listAll(origin)).keys()]).toEqual(["file" as ByteName]);
      expect(await codeOf(origin.stat(path("special")))).toBe("not_a_file");
      const read = origin.read(path("special"), 0, new Uint8Array(1));
      expect(["not_a_file", "denied"]).toContain(await codeOf(read));
    });
  }
}
