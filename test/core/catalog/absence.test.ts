import { describe, expect, test } from "bun:test";
import type { ScanReport } from "../../../src/core/catalog/catalog.ts";
import type { DirEntry } from "../../../src/core/origins/origin.ts";
import { A, B, directory, directoryStat, file, origin, TestCatalog } from "./fixture.ts";

const MANY = ["1", "2", "3", "4", "5"].map((name) => file(name, 1));

/** A scan in which each directory is listed in one page. */
async function scanned(
  catalog: TestCatalog,
  listings: Readonly<Record<string, readonly DirEntry[]>>,
  options: { readonly complete?: boolean; readonly allowEmpty?: boolean } = {},
): Promise<ScanReport> {
  const { complete = true, allowEmpty = false } = options;
  await catalog.store.beginScan(A);
  const root = directoryStat({ device: 1 });
  for (const [at, entries] of Object.entries(listings)) {
    await catalog.list(A, at, entries, at === "" ? root : undefined);
  }
  return catalog.store.finishScan(A, { complete, allowEmpty });
}

describe("absence", () => {
  test("removes at the end of a scan what its listings no longer showed", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    const first = await scanned(catalog, { "": [directory("d"), ...MANY], d: [file("x", 5)] });
    expect(first).toMatchObject({
      ...{ outcome: "complete", directories: 2, files: 6, bytes: 10 },
      ...{ added: 6, modified: 0, removed: 0, kept: 0 },
    });
    const second = await scanned(catalog, { "": MANY });
    expect(second).toMatchObject({ outcome: "complete", files: 5, removed: 1, kept: 0 });
    expect(catalog.tree()).toEqual(["1=1", "2=1", "3=1", "4=1", "5=1"]);
    expect(catalog.reader.lastCompleteScanMs(A)).toBe(catalog.clock.ms);
  });

  test("keeps everything until the scan is finished", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    await scanned(catalog, { "": MANY });
    await catalog.store.beginScan(A);
    await catalog.list(A, "", MANY.slice(1));
    expect(catalog.tree()).toHaveLength(5);
    await catalog.store.abandonScan(A);
    expect(catalog.tree()).toHaveLength(5);
    await catalog.list(A, "", MANY.slice(1));
    expect(catalog.tree()).toHaveLength(4);
  });

  test("keeps what another listing of the same scan shows again", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    await scanned(catalog, { "": MANY });
    await catalog.store.beginScan(A);
    await catalog.list(A, "", MANY.slice(1));
    await catalog.list(A, "", MANY);
    const report = await catalog.store.finishScan(A, { complete: true, allowEmpty: false });
    expect(report).toMatchObject({ removed: 0, files: 5 });
  });

  test("holds removals when the root is suddenly empty, until they are allowed", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    await scanned(catalog, { "": [file("only", 1)] });
    const held = await scanned(catalog, { "": [] });
    expect(held).toMatchObject({ outcome: "held", removed: 0, kept: 1 });
    expect(held.reason).toContain("--allow-empty");
    expect(catalog.tree()).toEqual(["only=1"]);
    const allowed = await scanned(catalog, { "": [] }, { allowEmpty: true });
    expect(allowed).toMatchObject({ outcome: "complete", removed: 1 });
    expect(catalog.tree()).toEqual([]);
  });

  test("holds removals when more than half of the files went, not at half", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    await scanned(catalog, { "": MANY.slice(0, 4) });
    expect(await scanned(catalog, { "": MANY.slice(0, 2) })).toMatchObject({ removed: 2 });
    await scanned(catalog, { "": MANY });
    const held = await scanned(catalog, { "": MANY.slice(0, 2) });
    expect(held).toMatchObject({ outcome: "held", kept: 3, removed: 0 });
    expect(catalog.tree()).toHaveLength(5);
  });

  test("holds listings on demand too, and all of them while the last scan held", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    await scanned(catalog, { "": MANY });
    // Nobody is told why by a listing: a scan has to do that.
    expect((await catalog.list(A, "", [])).needsScan).toBe(A);
    expect((await catalog.list(A, "", MANY.slice(0, 2))).needsScan).toBe(A);
    expect(catalog.tree()).toHaveLength(5);
    await scanned(catalog, { "": [] });
    expect((await catalog.list(A, "", MANY.slice(1))).needsScan).toBeUndefined();
    expect(catalog.tree()).toHaveLength(5);
    await scanned(catalog, { "": MANY });
    expect((await catalog.list(A, "", MANY.slice(1))).needsScan).toBeUndefined();
    expect(catalog.tree()).toHaveLength(4);
  });

  test("holds removals when a mount point is none any more", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    const mounted = directory("disk", { device: 2 });
    const bare = directory("disk", { device: 1 });
    await scanned(catalog, { "": [mounted, ...MANY], disk: [file("x", 1)] });
    const held = await scanned(catalog, { "": [bare, ...MANY], disk: [] });
    expect(held).toMatchObject({ outcome: "held", kept: 1 });
    expect(held.reason).toContain("disk was a mount point");
    await catalog.list(A, "disk", []);
    expect(catalog.tree()).toContain("disk/x=1");
    const back = await scanned(catalog, { "": [mounted, ...MANY], disk: [file("x", 1)] });
    expect(back).toMatchObject({ outcome: "complete", kept: 0 });
    await scanned(catalog, { "": [bare, ...MANY], disk: [] });
    await scanned(catalog, { "": [bare, ...MANY], disk: [] }, { allowEmpty: true });
    expect(catalog.tree()).not.toContain("disk/x=1");
    await scanned(catalog, { "": [bare, ...MANY], disk: [file("y", 1)] });
    expect(await scanned(catalog, { "": [bare, ...MANY], disk: [] })).toMatchObject({ removed: 1 });
  });

  test("holds a listing on demand of a directory that was unmounted since", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    await scanned(catalog, {
      "": [directory("disk", { device: 2 }), ...MANY],
      disk: [file("x", 1)],
    });
    await catalog.list(A, "disk", [], directoryStat({ device: 1 }));
    expect(catalog.tree()).toContain("disk/x=1");
  });

  test("holds the listing of a directory below a mount point that went meanwhile", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    const mounted = { device: 2 };
    const tree = { disk: [directory("album", mounted)], "disk/album": [file("x", 1)] };
    await scanned(catalog, { "": [directory("disk", mounted), ...MANY], ...tree });
    // The disk's directory holds an album of the same name, as copies leave that missed the mount.
    await catalog.list(A, "disk/album", [], directoryStat({ device: 1 }));
    expect(catalog.tree()).toContain("disk/album/x=1");
    await catalog.list(A, "disk/album", [], directoryStat(mounted));
    expect(catalog.tree()).not.toContain("disk/album/x=1");
  });

  test("takes no other number of the same devices for an unmount", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    const inner = (device: number) => [directory("d", { device }), ...MANY];
    const list = async (device: number, contents: readonly DirEntry[]) => {
      await catalog.store.beginScan(A);
      await catalog.list(A, "", inner(device), directoryStat({ device }));
      await catalog.list(A, "d", contents, directoryStat({ device }));
      return catalog.store.finishScan(A, { complete: true, allowEmpty: false });
    };
    await list(1, [file("x", 1)]);
    expect(await list(7, [])).toMatchObject({ outcome: "complete", removed: 1 });
  });

  test("keeps what lies in directories that could not be listed", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    const root = [directory("d"), ...MANY];
    await scanned(catalog, { "": root, d: [file("x", 1), file("y", 1)] });
    const report = await scanned(catalog, { "": root.slice(0, -1) }, { complete: false });
    expect(report).toMatchObject({ outcome: "partial", removed: 1, kept: 2 });
    expect(catalog.tree()).toContain("d/x=1");
  });

  test("goes on holding while scans do not see everything", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1)]);
    await scanned(catalog, { "": MANY });
    expect(await scanned(catalog, { "": MANY.slice(3) })).toMatchObject({ outcome: "held" });
    const partial = await scanned(catalog, { "": MANY.slice(1) }, { complete: false });
    expect(partial).toMatchObject({ outcome: "held", removed: 0 });
    expect(await scanned(catalog, { "": MANY.slice(1) })).toMatchObject({ removed: 1 });
  });

  test("takes a vanished directory's contents along, of that origin alone", async () => {
    await using catalog = new TestCatalog();
    await catalog.store.configureOrigins([origin(A, 1), origin(B, 2)]);
    await scanned(catalog, {
      "": [directory("d"), ...MANY],
      d: [directory("e")],
      "d/e": [file("x", 1)],
    });
    await catalog.list(B, "", [directory("d")]);
    await catalog.list(B, "d", [directory("e")]);
    await catalog.list(B, "d/e", [file("x", 2)]);
    await scanned(catalog, { "": MANY });
    expect(catalog.tree()).toContain("d/e/x=2");
    expect(catalog.tree()).not.toContain("d/e/x=1");
  });
});
