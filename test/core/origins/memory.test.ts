import { describe, expect, test } from "bun:test";
import { type BytePath, ROOT_PATH } from "../../../src/core/bytes.ts";
import { MemoryOrigin } from "../../../src/core/origins/memory.ts";
import { memory } from "../../suites/harnesses.ts";
import { originConformance } from "../../suites/origin.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

originConformance("memory", memory);

const FILE = "a/file" as BytePath;

async function textOf(origin: MemoryOrigin, path = FILE): Promise<string> {
  const into = new Uint8Array(100);
  return Buffer.from(into.subarray(0, await origin.read(path, 0, into))).toString();
}

describe("MemoryOrigin", () => {
  test("makes a new version of every change, unless told that nobody can see it", async () => {
    const clock = new VirtualClock();
    const origin = new MemoryOrigin({ id: "memory", clock });
    origin.put("a/file", "12345");
    const first = await origin.stat(FILE);
    expect(first.mtimeSec).toBe(Math.floor(clock.wallMs() / 1000));

    const { mtimeSec } = first;
    origin.edit("a/file", 1, Buffer.from("xy"), { mtimeMs: mtimeSec * 1000, sameToken: true });
    expect(await origin.stat(FILE)).toEqual(first);
    expect(await textOf(origin)).toBe("1xy45");

    origin.edit("a/file", 4, Buffer.from("zzz"), { mtimeMs: mtimeSec * 1000 });
    const second = await origin.stat(FILE);
    expect(second.sizeBytes).toBe(7);
    expect(second.token).not.toBe(first.token);
    expect(second.mtimeSec).toBe(mtimeSec);

    origin.truncate("a/file", 3);
    expect(await textOf(origin)).toBe("1xy");
    origin.put("a/file", "new", { mtimeMs: 1_500, mode: 0o600 });
    expect(await origin.stat(FILE)).toMatchObject({
      mtimeSec: 1,
      mtimeNsec: 500_000_000,
      mode: 0o600,
    });
  });

  test("tells versions by size and mtime alone where tokens are weak", async () => {
    const clock = new VirtualClock();
    const capabilities = { strongTokens: false };
    const origin = new MemoryOrigin({ id: "memory", clock, capabilities });
    origin.put("a/file", "12345");
    const version = await origin.stat(FILE);
    origin.edit("a/file", 0, Buffer.from("x"));
    expect(await origin.read(FILE, 0, new Uint8Array(5), { version })).toBe(5);
    await clock.advance(1);
    origin.touch("a/file", {});
    await expect(origin.read(FILE, 0, new Uint8Array(5), { version })).rejects.toMatchObject({
      code: "version_changed",
    });
  });

  test("renames and removes files and whole directories", async () => {
    const origin = new MemoryOrigin({ id: "memory" });
    origin.put("a/file", "1");
    origin.put("a/b/c", "2");
    origin.rename("a/b", "x/y/z");
    expect(await textOf(origin, "x/y/z/c" as BytePath)).toBe("2");
    origin.remove("a");
    await expect(origin.stat(FILE)).rejects.toMatchObject({ code: "not_found" });
    expect(() => origin.remove("a")).toThrow("no such file");
  });

  test("tells watches of changes at once, until they are disposed", () => {
    const origin = new MemoryOrigin({ id: "memory" });
    const changes: (string | undefined)[] = [];
    const watch = origin.watch((directory) => changes.push(directory));
    origin.put("a/b/file", "1");
    origin.loseTrack();
    origin.rename("a/b/file", "a/file");
    // Directories that are made on the way are told as well: nobody has listed them yet.
    expect(changes.splice(0)).toEqual(["", "a", "a/b", "a/b", undefined, "a/b", "a"]);
    origin.rename("a", "c");
    expect(changes.splice(0)).toEqual(["", "", "c", "c/b"]);
    expect(origin.watchCount).toBe(1);
    watch[Symbol.dispose]();
    origin.remove("c");
    expect([changes.length, origin.watchCount]).toEqual([0, 0]);
  });

  test("tells watches later when told to, and those that are gone by then not at all", async () => {
    const clock = new VirtualClock();
    const origin = new MemoryOrigin({ id: "memory", clock, watchDelayMs: 50 });
    const changes: string[] = [];
    const first = origin.watch(() => changes.push("first"));
    origin.watch(() => changes.push("second"));
    origin.put("file", "1");
    await clock.advance(49);
    expect(changes).toEqual([]);
    first[Symbol.dispose]();
    await clock.advance(1);
    expect(changes).toEqual(["second"]);
    await origin.close();
    expect(origin.watchCount).toBe(0);
  });

  test("counts operations and pages", async () => {
    const origin = new MemoryOrigin({ id: "memory", pageEntries: 2 });
    for (const name of ["1", "2", "3"]) origin.put(name, name);
    for await (const page of origin.list(ROOT_PATH)) expect(page.length).toBeGreaterThan(0);
    await origin.stat("1" as BytePath);
    await origin.read("1" as BytePath, 0, new Uint8Array(1));
    await origin.probe();
    expect(origin.counts).toEqual({ list: 1, page: 2, stat: 1, read: 1, probe: 1 });
  });

  test("answers probes as it is told", async () => {
    const origin = new MemoryOrigin({ id: "memory" });
    origin.probeResult = { status: "degraded", reason: "slow disk" };
    expect(await origin.probe()).toEqual({ status: "degraded", reason: "slow disk" });
  });
});
