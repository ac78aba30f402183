/** Directories that are as they were, told by marks, on a real directory tree. */

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MARKED_ENTRIES } from "../../../src/core/limits.ts";
import { InlineDisk } from "../../../src/core/origins/disk/client.ts";
import { Disk } from "../../../src/core/origins/disk/disk.ts";
import { LOCAL_CAPABILITIES, LocalOrigin } from "../../../src/core/origins/local.ts";
import { Exclusion } from "../../../src/core/sync/exclusion.ts";
import type { ScanOptions } from "../../../src/core/sync/scan.ts";
import type { ScanProgress } from "../../../src/core/sync/scan_tally.ts";
import { Dice } from "../../support/dice.ts";
import { replacedSyscalls } from "../../support/failing_syscalls.ts";
import { A } from "../catalog/fixture.ts";
import { brokenInvariants } from "../catalog/invariants.ts";
import { TestLibrary } from "./fixture.ts";

/** A library over a directory of this machine. */
class DiskLibrary implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), "musicfs-known-"));
  /** Calls since they were last looked at. */
  readonly calls = { statx: 0, listed: 0 };
  readonly origin: LocalOrigin;

  private constructor(readonly library: TestLibrary) {
    const { syscalls } = replacedSyscalls({
      statx: (statx, ...args) => {
        this.calls.statx++;
        return statx(...args);
      },
    });
    const disk = new InlineDisk(new Disk(this.root, { syscalls }));
    this.origin = new LocalOrigin({
      ...{ id: A, type: "local", capabilities: LOCAL_CAPABILITIES, disk },
    });
    const list = this.origin.list.bind(this.origin);
    this.origin.list = (...args) => {
      this.calls.listed++;
      return list(...args);
    };
  }

  static async of(albums: number, tracks: number): Promise<DiskLibrary> {
    const made = new DiskLibrary(await TestLibrary.open());
    for (let album = 0; album < albums; album++) {
      for (let track = 0; track < tracks; track++) made.write(`al ${album}/tr ${track}`, "flac");
    }
    return made;
  }

  at(path: string): string {
    return join(this.root, path);
  }

  write(path: string, text: string): void {
    mkdirSync(join(this.at(path), ".."), { recursive: true });
    writeFileSync(this.at(path), text);
  }

  get tree(): readonly string[] {
    return this.library.catalog.tree();
  }

  /** Scans, and answers how often a directory was listed and an entry looked at. */
  async scan(options: Partial<ScanOptions> = {}) {
    Object.assign(this.calls, { statx: 0, listed: 0 });
    const { changes: _, ...result } = await this.library.scanOf(this.origin, options);
    return { ...result, ...this.calls };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.origin.close();
    await this.library[Symbol.asyncDispose]();
    rmSync(this.root, { recursive: true });
  }
}

describe("a scan of directories that are as they were", () => {
  test("lists none of them and looks at each entry once", async () => {
    await using disk = await DiskLibrary.of(30, 20);
    disk.write("al 3/disc 2/tr 1", "flac");
    const sums = { outcome: "complete", files: 601, bytes: 2404, directories: 32 } as const;
    expect(await disk.scan()).toMatchObject({ ...sums, added: 601, listed: 32 });
    const again = await disk.scan();
    expect(again).toMatchObject({ ...sums, added: 0, modified: 0, removed: 0, listed: 0 });
    // 601 files, 31 directories, and the root.
    expect(again.statx).toBeLessThanOrEqual(633);
    expect(brokenInvariants(disk.library.catalog.file)).toEqual([]);
  });

  test("finds every kind of change, and lists no more than its directory and those around it", async () => {
    await using disk = await DiskLibrary.of(5, 6);
    await disk.scan();
    const file = disk.at("al 1/tr 1");
    const changes: readonly [string, () => void, object][] = [
      ["a new file", () => disk.write("al 1/tr 9", "x"), { added: 1 }],
      ["an edit", () => writeFileSync(file, "longer"), { modified: 1 }],
      ["an edit of equal size", () => writeFileSync(file, "shorty"), { modified: 1 }],
      [
        "a replaced file",
        () => {
          writeFileSync(disk.at("new"), "shorty");
          renameSync(disk.at("new"), file);
        },
        { modified: 1 },
      ],
      ["a time", () => utimesSync(file, 1, 1), { modified: 1 }],
      ["another name", () => renameSync(file, disk.at("al 1/tr 0 live")), { added: 1, removed: 1 }],
      ["a removed file", () => rmSync(disk.at("al 1/tr 2")), { removed: 1 }],
      ["a link", () => symlinkSync("tr 3", disk.at("al 1/tr link")), { added: 1 }],
      [
        "what a link leads to",
        () => writeFileSync(disk.at("al 1/tr 3"), "linked"),
        { modified: 2 },
      ],
      ["a new directory", () => disk.write("al 1/disc 2/tr 1", "x"), { added: 1 }],
      [
        "a removed directory",
        () => rmSync(disk.at("al 1/disc 2"), { recursive: true }),
        { removed: 1 },
      ],
    ];
    for (const [what, change, expected] of changes) {
      change();
      const nothing = { outcome: "complete", added: 0, modified: 0, removed: 0 };
      const { listed, ...result } = await disk.scan();
      expect({ what, ...result }).toMatchObject({ what, ...nothing, ...expected });
      expect(listed).toBeWithin(1, 4);
      // What left something missing is listed once more.
      if ("removed" in expected) expect(await disk.scan()).toMatchObject({ ...nothing, listed: 1 });
      expect(await disk.scan()).toMatchObject({ ...nothing, listed: 0 });
    }
    chmodSync(disk.at("al 0/tr 0"), 0o640);
    expect(await disk.scan()).toMatchObject({ outcome: "complete", listed: 1 });
  });

  test("with `full`, or other globs of what is left out, lists them all the same", async () => {
    await using disk = await DiskLibrary.of(4, 5);
    await disk.scan();
    expect(await disk.scan({ full: true })).toMatchObject({ listed: 5, added: 0 });
    const exclusion = new Exclusion(["tr 0"]);
    expect(await disk.scan({ exclusion })).toMatchObject({ listed: 5, removed: 4 });
    expect(await disk.scan({ exclusion })).toMatchObject({ removed: 0, files: 16 });
    expect(await disk.scan({ exclusion })).toMatchObject({ listed: 0, files: 16 });
    expect(await disk.scan()).toMatchObject({ listed: 5, added: 4 });
  });

  test("goes on holding what it holds", async () => {
    await using disk = await DiskLibrary.of(2, 5);
    await disk.scan();
    rmSync(disk.at("al 0"), { recursive: true });
    rmSync(disk.at("al 1"), { recursive: true });
    for (let i = 0; i < 3; i++)
      expect(await disk.scan()).toMatchObject({ outcome: "held", kept: 10 });
    expect(disk.tree).toHaveLength(12);
    expect(await disk.scan({ allowEmpty: true })).toMatchObject({ removed: 10 });
  });

  test("goes on where a scan that was killed has left off", async () => {
    await using disk = await DiskLibrary.of(40, 3);
    const abort = new AbortController();
    const onProgress = ({ directories }: ScanProgress) => {
      if (directories === 30) abort.abort("killed");
    };
    const { origin, library } = disk;
    const killed = library.scanOf(origin, { onProgress }, abort.signal);
    expect(await killed.catch((error: unknown) => error)).toMatchObject({ code: "cancelled" });
    await library.catalog.reopen();
    const result = await disk.scan();
    expect(result).toMatchObject({ outcome: "complete", files: 120, directories: 41 });
    expect(result.listed).toBeLessThanOrEqual(41 - 30);
    expect(disk.tree).toHaveLength(160);
  });

  test("keeps every file of a disk whose mount point is empty", async () => {
    await using disk = await DiskLibrary.of(3, 4);
    await disk.scan();
    const tree = [...disk.tree];
    renameSync(disk.root, `${disk.root}.away`);
    mkdirSync(disk.root);
    // As the health check does, it goes by the path again.
    await disk.origin.probe();
    expect(await disk.scan()).toMatchObject({ outcome: "held", kept: 12, removed: 0 });
    expect(disk.tree).toEqual(tree);
    rmSync(disk.root, { recursive: true });
    renameSync(`${disk.root}.away`, disk.root);
    await disk.origin.probe();
    expect(await disk.scan()).toMatchObject({ outcome: "complete", added: 0, modified: 0 });
    expect(disk.tree).toEqual(tree);
  });

  test("lists a directory of many entries every time", async () => {
    await using disk = await DiskLibrary.of(1, MARKED_ENTRIES + 1);
    await disk.scan();
    expect(await disk.scan()).toMatchObject({ outcome: "complete", listed: 1, added: 0 });
  });

  test("comes to what a scan of every directory comes to, whatever changed", async () => {
    for (let seed = 0; seed < 4; seed++) {
      const dice = new Dice(seed);
      await using disk = await DiskLibrary.of(3, 3);
      const log: string[] = [];
      for (let round = 0; round < 8; round++) {
        for (let change = dice.below(4); change >= 0; change--)
          log.push(changeSomething(dice, disk));
        await disk.scan({ allowEmpty: true });
        await using anew = await TestLibrary.open();
        await anew.scanOf(disk.origin);
        expect({ seed, log, tree: disk.tree }).toEqual({ seed, log, tree: anew.catalog.tree() });
      }
      expect(brokenInvariants(disk.library.catalog.file)).toEqual([]);
    }
  }, 60_000);
});

/** One change anywhere in the tree, as text. */
function changeSomething(dice: Dice, disk: DiskLibrary): string {
  const all = readdirSync(disk.root, { recursive: true }).map(String).sort();
  const name = `${dice.one(["a", "b", "c"])}${dice.below(3)}`;
  const isDirectory = (path: string) => statSync(disk.at(path)).isDirectory();
  const place = dice.one(["", ...all.filter(isDirectory)]);
  const some = all.length === 0 ? undefined : dice.one(all);
  const kind = dice.one(["write", "remove", "rename", "directory", "edit"]);
  const target = join(place, name);
  try {
    if (kind === "write") writeFileSync(disk.at(target), "x".repeat(dice.below(9)));
    else if (kind === "directory") mkdirSync(disk.at(target));
    else if (some === undefined) return "nothing";
    else if (kind === "remove") rmSync(disk.at(some), { recursive: true });
    else if (kind === "rename") renameSync(disk.at(some), disk.at(target));
    else writeFileSync(disk.at(some), "y".repeat(dice.below(9)), { flag: "r+" });
  } catch (error) {
    return `${kind} failed: ${(error as Error).message}`;
  }
  return `${kind} ${kind === "remove" || kind === "edit" ? some : target}`;
}
