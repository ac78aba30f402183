/** Listings are complete, and agree with stat. */

import { expect, test } from "bun:test";
import { nameFromText, ROOT_PATH } from "../../../src/core/bytes.ts";
import type { OriginHarness } from "./harness.ts";
import { bytesOf, codeOf, descriptors, eventually, listAll, path, patterned } from "./looking.ts";

export function listings(harness: OriginHarness): void {
  test("lists an empty root as nothing", async () => {
    await using fixture = await harness.open();
    expect((await listAll(fixture.origin)).size).toBe(0);
  });

  test("agrees with stat on every attribute of an entry", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("album/track.flac"), patterned(1234));
    const [listed] = [...(await listAll(fixture.origin, path("album"))).values()];
    const { name, ...attributes } = listed ?? { name: undefined };
    expect(name).toBe(nameFromText("track.flac"));
    const stat = await fixture.origin.stat(path("album/track.flac"));
    expect(attributes).toEqual(stat);
    expect(stat.sizeBytes).toBe(1234);
    expect(Math.abs(stat.mtimeSec - Date.now() / 1000)).toBeLessThan(600);
    expect(stat.mtimeNsec).toBeWithin(0, 1_000_000_000);
    expect(stat.mode & ~0o7777).toBe(0);
    expect(stat.token).not.toBe("");
  });

  test("tells directories from files", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("a/b/c"), bytesOf("x"));
    await fixture.put(path("a/d"), bytesOf("y"));
    const entries = await listAll(fixture.origin, path("a"));
    expect([...entries.values()].map(({ name, kind }) => [name as string, kind]).sort()).toEqual([
      ["b", "directory"],
      ["d", "file"],
    ]);
    expect((await fixture.origin.stat(path("a"))).kind).toBe("directory");
    expect((await fixture.origin.stat(ROOT_PATH)).kind).toBe("directory");
  });

  if (harness.emptyDirectories) {
    test("lists an empty directory as nothing", async () => {
      await using fixture = await harness.open();
      await fixture.makeDirectory?.(path("empty"));
      expect((await fixture.origin.stat(path("empty"))).kind).toBe("directory");
      expect((await listAll(fixture.origin, path("empty"))).size).toBe(0);
    });
  }

  const many = harness.manyEntries ?? 10_000;
  test(`lists a directory of ${many} entries completely, and may be left early`, async () => {
    await using fixture = await harness.open();
    const { origin } = fixture;
    const expected = new Set<string>();
    const batch: Promise<void>[] = [];
    for (let i = 0; i < many; i++) {
      const name = `track ${i}.flac`;
      expected.add(name);
      batch.push(fixture.put(path(`many/${name}`), bytesOf("x")));
      if (batch.length === 64) await Promise.all(batch.splice(0));
    }
    await Promise.all(batch);
    expect(new Set<string>((await listAll(origin, path("many"))).keys())).toEqual(expected);

    const before = descriptors();
    for (let i = 0; i < 10; i++) {
      for await (const page of origin.list(path("many"))) {
        expect(page.length).toBeGreaterThan(0);
        break;
      }
    }
    if (harness.countDescriptors) await eventually(() => descriptors() <= before);
    expect((await listAll(origin, path("many"))).size).toBe(many);
  }, 120_000);

  test("says of what it cannot list why", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("a/file"), bytesOf("x"));
    expect(await codeOf(listAll(fixture.origin, path("a/missing")))).toBe("not_found");
    expect(["not_a_directory", "not_found"]).toContain(
      await codeOf(listAll(fixture.origin, path("a/file"))),
    );
  });
}
