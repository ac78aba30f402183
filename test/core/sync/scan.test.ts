import { describe, expect, test } from "bun:test";
import { type BytePath, joinPath, ROOT_PATH } from "../../../src/core/bytes.ts";
import { SCAN_PARALLEL_DIRECTORIES } from "../../../src/core/limits.ts";
import type { MemoryOrigin } from "../../../src/core/origins/memory.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { Exclusion } from "../../../src/core/sync/exclusion.ts";
import type { ScanProgress } from "../../../src/core/sync/scan_tally.ts";
import { A, path } from "../catalog/fixture.ts";
import { brokenInvariants } from "../catalog/invariants.ts";
import { TestLibrary } from "./fixture.ts";

/** Albums 0..`albums`-1 of ten files each. */
function fill(library: TestLibrary, albums: number): void {
  for (let album = 0; album < albums; album++) {
    for (let track = 0; track < 10; track++) library.memory.put(`al ${album}/tr ${track}`, "flac");
  }
}

describe("scan", () => {
  test("walks an origin recursively and completely (S-2)", async () => {
    await using library = await TestLibrary.open();
    fill(library, 12);
    library.memory.put("a/b/c/d/e", "deep");
    library.memory.makeDirectory("empty");
    const progress: ScanProgress[] = [];
    const result = await library.scan({ onProgress: (each) => progress.push(each) });
    expect(result).toMatchObject({
      ...{ outcome: "complete", directories: 18, files: 121, bytes: 484 },
      ...{ added: 121, modified: 0, removed: 0, kept: 0, problems: [], problemCount: 0 },
    });
    expect(progress.at(-1)).toEqual({
      ...{ directories: 18, pending: 0, files: 121, bytes: 484, knownFiles: 0 },
    });
    expect(library.catalog.tree()).toHaveLength(121 + 17);
    expect(library.catalog.tree()).toContain("a/b/c/d/e=4");
    expect(library.events).toEqual([
      { type: "scan_started", origin: A },
      { type: "scan_finished", origin: A, outcome: "complete" },
    ]);
    expect(brokenInvariants(library.catalog.file)).toEqual([]);
  });

  test("asks an unchanged origin for listings alone, each directory once", async () => {
    await using library = await TestLibrary.open();
    fill(library, 12);
    await library.scan();
    Object.assign(library.memory.counts, { list: 0, stat: 0, read: 0, probe: 0 });
    const again = await library.scan();
    expect(again).toMatchObject({ outcome: "complete", added: 0, modified: 0, removed: 0 });
    expect(library.memory.counts).toMatchObject({ list: 13, stat: 1, read: 0, probe: 0 });
  });

  test("holds what lay on a disk that is unmounted between its look and its listing", async () => {
    await using library = await TestLibrary.open();
    fill(library, 3);
    library.memory.put("disk/x", "x");
    const disk = path("disk");
    let mountedFor = Number.POSITIVE_INFINITY;
    const device = (at: BytePath) => (at === disk && mountedFor > 0 ? 2 : 1);
    /** The memory as a tree of disks, `disk` a mount point that goes after so many looks at it. */
    const disks = Object.create(library.memory) as MemoryOrigin;
    disks.stat = async (at) => ({ ...(await library.memory.stat(at)), device: device(at) });
    disks.list = async function* (at, signal, memo) {
      if (memo !== undefined) memo.device = device(at);
      if (at === disk && mountedFor <= 0) return;
      for await (const page of library.memory.list(at, signal)) {
        yield page.map((entry) => ({ ...entry, device: device(joinPath(at, entry.name)) }));
      }
      if (at === ROOT_PATH) mountedFor--;
    };
    expect(await library.scanOf(disks)).toMatchObject({ outcome: "complete", files: 31 });
    mountedFor = 1;
    const raced = await library.scanOf(disks);
    expect(raced).toMatchObject({ outcome: "held", removed: 0, kept: 1 });
    expect(raced.reason).toContain("disk was a mount point");
    expect(await library.scanOf(disks)).toMatchObject({ outcome: "held", removed: 0, kept: 1 });
    expect(library.catalog.tree()).toContain("disk/x=1");
  });

  test("finds what was added, changed and removed", async () => {
    await using library = await TestLibrary.open();
    fill(library, 3);
    await library.scan();
    library.memory.put("al 0/tr 0", "other");
    library.memory.put("new/x", "x");
    library.memory.remove("al 2");
    const result = await library.scan();
    expect(result).toMatchObject({ added: 1, modified: 1, removed: 10, kept: 0 });
    expect(library.catalog.tree()).toContain("al 0/tr 0=5");
    expect(library.catalog.tree()).not.toContain("al 2/");
  });

  test("leaves out what is excluded, and removes what is excluded now", async () => {
    await using library = await TestLibrary.open();
    fill(library, 3);
    library.memory.put("al 0/.DS_Store", "");
    await library.scan();
    const exclusion = new Exclusion([".DS_Store", "/al 1", "al 2/tr [0-4]"]);
    expect(await library.scan({ exclusion, allowEmpty: true })).toMatchObject({ removed: 16 });
    expect(library.catalog.tree().filter((line) => line.includes("al 2/tr"))).toHaveLength(5);
  });

  test("leaves out directories that contain themselves, and reports them", async () => {
    await using library = await TestLibrary.open();
    library.memory.put("a/b/x", "x");
    library.memory.link("a/b/up", "../../a");
    library.memory.link("a/b/root", "../..");
    library.memory.link("twice", "a/b");
    const result = await library.scan();
    expect(result.outcome).toBe("complete");
    expect(result.problems.map(({ path }) => String(path)).sort()).toEqual([
      ...["a/b/root", "a/b/up", "twice/root", "twice/up/b"],
    ]);
    // A link that does not lead to a directory around it is followed.
    expect(library.catalog.tree()).toContain("twice/x=1");
    expect(library.catalog.tree()).toContain("twice/up/");
  });

  test("reports what cannot be shown under its name, and is complete all the same", async () => {
    await using library = await TestLibrary.open();
    fill(library, 1);
    const skipped = {
      type: "name_skipped",
      path: path("al 0/\u001b[2J"),
      reason: "is odd",
    } as const;
    const result = await library.scan({
      onProgress: ({ pending }) => {
        if (pending > 0) return;
        library.bus.emit({ ...skipped, origin: library.memory.id });
        // What another origin holds at the same time is not this one's.
        library.bus.emit({ ...skipped, origin: "other" as OriginId });
      },
    });
    expect(result).toMatchObject({ outcome: "complete", problemCount: 1 });
    expect(result.problems[0]?.reason).toBe("al 0/\\x1b[2J: is odd");
    expect(library.bus.listenerCount).toBe(1);
  });

  test("goes on past a directory that cannot be listed and keeps its contents", async () => {
    await using library = await TestLibrary.open();
    fill(library, 3);
    await library.scan();
    library.memory.remove("al 0/tr 0");
    library.memory.remove("al 1/tr 0");
    using _denied = library.faults.add({
      fault: { kind: "error", code: "denied" },
      on: ["list"],
      at: (at) => at === path("al 0"),
    });
    const result = await library.scan();
    expect(result).toMatchObject({ outcome: "partial", removed: 1, kept: 10, problemCount: 1 });
    expect(result.problems[0]?.reason).toStartWith("al 0: ");
    expect(library.catalog.tree()).toContain("al 0/tr 0=4");
    expect(library.events.at(-1)).toMatchObject({ outcome: "partial" });
  });

  test("keeps a directory whose listing breaks off", async () => {
    await using library = await TestLibrary.open();
    fill(library, 2);
    await library.scan();
    using _cut = library.faults.add({
      fault: { kind: "cut_listing", afterPages: 1, code: "io" },
      at: (at) => at === path("al 0"),
    });
    library.memory.remove("al 0/tr 9");
    expect(await library.scan()).toMatchObject({ outcome: "partial", removed: 0 });
    expect(library.catalog.tree()).toContain("al 0/tr 9=4");
  });

  test("ends when the origin fails, and removes nothing", async () => {
    await using library = await TestLibrary.open();
    fill(library, 20);
    await library.scan();
    library.memory.remove("al 3");
    using _gone = library.faults.add({
      fault: { kind: "error", code: "device_gone" },
      on: ["list"],
      skip: 12,
    });
    const failure = await library.scan().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "device_gone" });
    expect(library.catalog.tree()).toContain("al 3/tr 0=4");
    expect(library.events.at(-1)).toMatchObject({ type: "scan_finished", outcome: "failed" });
    // The scan is over: what a listing on demand shows counts at once.
    library.faults.clear();
    library.memory.remove("al 4/tr 0");
    await library.list("al 4");
    expect(library.catalog.tree()).not.toContain("al 4/tr 0=4");
  });

  test("fails when the root cannot be listed", async () => {
    await using library = await TestLibrary.open();
    fill(library, 1);
    await library.scan();
    using _denied = library.faults.add({ fault: { kind: "error", code: "denied" }, on: ["list"] });
    expect(await library.scan().catch((e: unknown) => e)).toMatchObject({ code: "denied" });
    expect(library.catalog.tree()).toHaveLength(11);
  });

  test("holds removals from an origin that is suddenly empty", async () => {
    await using library = await TestLibrary.open();
    fill(library, 1);
    await library.scan();
    library.memory.remove("al 0");
    expect(await library.scan()).toMatchObject({ outcome: "held", kept: 10 });
    expect(library.events.at(-1)).toMatchObject({ outcome: "held", reason: expect.any(String) });
    expect(await library.scan({ allowEmpty: true })).toMatchObject({ removed: 10 });
    expect(library.catalog.tree()).toEqual([]);
  });

  test("runs once at a time for an origin", async () => {
    await using library = await TestLibrary.open();
    fill(library, 3);
    const running = library.scan();
    expect(await library.scan().catch((e: unknown) => e)).toMatchObject({ code: "busy" });
    await running;
    await library.scan();
    expect(library.events.filter(({ type }) => type === "scan_started")).toHaveLength(2);
  });

  test("with `wait` takes over what a scan that ran has found, or scans itself", async () => {
    await using library = await TestLibrary.open();
    fill(library, 3);
    const running = library.scan();
    const waiting = library.scan({ wait: true });
    const waitingToo = library.scan({ wait: true, allowEmpty: true });
    const first = await running;
    const { list } = library.memory.counts;
    const joined = await library.waited(waiting);
    expect(joined).toEqual({ ...first, changes: { names: [], directories: [], events: [] } });
    expect(library.memory.counts.list).toBe(list);
    // Who allows more than the other did has it done.
    expect(await library.waited(waitingToo)).toMatchObject({ outcome: "complete", added: 0 });
    expect(library.memory.counts.list).toBeGreaterThan(list);
  });

  test("with `wait` scans by itself where the scan that ran was not finished", async () => {
    await using library = await TestLibrary.open();
    fill(library, 3);
    using _down = library.faults.add({ fault: { kind: "error", code: "timeout" }, on: ["list"] });
    const running = library.scan().catch((error: unknown) => error);
    const waiting = library.scan({ wait: true });
    expect(await running).toMatchObject({ code: "timeout" });
    library.faults.clear();
    expect(await library.waited(waiting)).toMatchObject({ outcome: "complete", added: 30 });
  });

  test("stops when it is cancelled and leaves no listing behind", async () => {
    await using library = await TestLibrary.open();
    fill(library, 30);
    const abort = new AbortController();
    const onProgress = ({ directories }: ScanProgress) => {
      if (directories === 5) abort.abort("enough");
    };
    const failure = await library.scan({ onProgress }, abort.signal).catch((e: unknown) => e);
    expect(failure).toMatchObject({ code: "cancelled" });
    expect(library.events.at(-1)).toMatchObject({ type: "scan_finished", outcome: "cancelled" });
    const { list } = library.memory.counts;
    await Bun.sleep(5);
    expect(library.memory.counts.list).toBe(list);
    expect(list).toBeLessThan(6 + 2 * SCAN_PARALLEL_DIRECTORIES);
    const late = await library.scan({}, AbortSignal.abort("late")).catch((e: unknown) => e);
    expect(late).toMatchObject({ code: "cancelled" });
    await library.scan();
  });

  test("lists a bounded number of directories at once", async () => {
    await using library = await TestLibrary.open();
    fill(library, 40);
    let running = 0;
    let most = 0;
    const { memory } = library;
    const list = memory.list.bind(memory);
    memory.list = async function* (...args) {
      most = Math.max(most, ++running);
      try {
        yield* list(...args);
      } finally {
        running--;
      }
    };
    await library.scan();
    expect(most).toBe(SCAN_PARALLEL_DIRECTORIES);
    expect(running).toBe(0);
  });
});
