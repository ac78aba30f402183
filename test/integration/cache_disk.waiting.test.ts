/** The cache's disk fills up, lies, and loses its program at any moment: files are read right all the same. */

import { expect } from "bun:test";
import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { eventually, must, run } from "../e2e/support/musicfs.ts";
import { needing } from "../support/needs.ts";
import { KeptLibrary } from "./support/kept_library.ts";
import type { FileRead } from "./support/read_files.ts";

const MIB = 1024 * 1024;
const FILE_BYTES = 3 * MIB + 17;
const DISK_BYTES = 64 * MIB;
const ROUNDS = process.env["MUSICFS_LONG"] === "1" ? 200 : 10;
/** A reading of all files takes about this long. */
const MAX_MS = 600;

const { describe, test } = needing("root", "fuse");

describe("the cache's disk", () => {
  // Side by side, as each waits half a minute for the cache to be tried again.
  test("that is full or read-only is told by status and health, reads go on, and so does keeping once it is well", async () => {
    await Promise.all([fillsUp(), turnsReadOnly()]);
  }, 150_000);

  test(
    `keeps no wrong byte when the mount is killed while files are read, ${ROUNDS} times`,
    async () => {
      const names = Array.from({ length: 8 }, (_, i) => `${i}`);
      await using library = await KeptLibrary.create(files(...names), DISK_BYTES);
      const mount = await library.scanned();
      expect(await mount.stop()).toBe(0);
      let mostKept = 0;
      for (let round = 0; round < ROUNDS; round++) {
        await using killed = await library.start();
        const load = Bun.spawn(["cat", ...names.map((name) => library.mounted(name))], {
          stdio: ["ignore", "ignore", "ignore"],
        });
        await Bun.sleep(Math.random() * MAX_MS);
        killed.kill("SIGKILL");
        await load.exited;
        await killed[Symbol.asyncDispose]();
        const { bytes, bad } = await library.verify();
        expect(bad).toEqual([]);
        mostKept = Math.max(mostKept, bytes);
        // Now and then from nothing, as it is full after a few rounds.
        if (bytes === names.length * FILE_BYTES) await library.musicfs("cache", "clear");
      }
      await using _mount = await library.start();
      expectExact(await library.read(...names));
    },
    ROUNDS * 20_000,
  );

  test("that flips bits is found out: no such byte is served, and each file is whole again", async () => {
    const names = ["a", "b", "c"];
    await using library = await KeptLibrary.create(files(...names), DISK_BYTES);
    {
      await using filling = await library.scanned();
      await library.musicfs("cache", "prefetch", ".");
      expect(await filling.stop()).toBe(0);
    }
    expect(library.dataFiles).toHaveLength(names.length);
    for (const file of library.dataFiles) flipBit(file, Math.floor(Math.random() * FILE_BYTES));
    const { bad } = await library.verify();
    expect(bad.map(({ path, blocks }) => [path, blocks]).sort()).toEqual(names.map((n) => [n, 1]));
    await using _mount = await library.start();
    expectExact(await library.read(...names));
    const events = await library.musicfs("events", "--type=cache_block_dropped", "--json");
    expect(events.trim().split("\n")).toHaveLength(names.length);
    await eventually(
      "they are whole on disk",
      async () => (await library.verify()).bad.length === 0,
    );
  }, 60_000);
});

async function fillsUp(): Promise<void> {
  await using library = await KeptLibrary.create(files("pinned", "late"), DISK_BYTES);
  await using _mount = await library.scanned();
  await library.musicfs("cache", "pin", "pinned");
  expect(await library.cache()).toMatchObject({ status: "ok", reason: null });
  const filler = join(library.disk, "filler");
  await run(["dd", "if=/dev/zero", `of=${filler}`, "bs=64k", "status=none"]);
  await readsOnDegraded(library);
  rmSync(filler);
  await keepsAgain(library);
}

async function turnsReadOnly(): Promise<void> {
  await using library = await KeptLibrary.create(files("pinned", "late"), DISK_BYTES);
  await using _mount = await library.scanned();
  await library.musicfs("cache", "pin", "pinned");
  const { disk } = library;
  await using readOnly = new AsyncDisposableStack();
  await must(["mount", "--bind", disk, disk]);
  readOnly.defer(async () => void (await run(["umount", "-l", disk])));
  // A disk whose files are written to cannot be remounted read-only as a whole: what is opened now is.
  await must(["mount", "-o", "remount,ro,bind", disk]);
  await readsOnDegraded(library);
  await library.sshd.kill();
  expectExact(await library.read("pinned"));
  await library.sshd.restart();
  await readOnly.disposeAsync();
  await keepsAgain(library);
}

/** Nothing can be kept: it is told, and everything is read all the same. */
async function readsOnDegraded(library: KeptLibrary): Promise<void> {
  expectExact(await library.read("late"));
  await eventually("the cache is degraded", async () => {
    return (await library.cache()).status === "degraded";
  });
  const { reason, hit_bytes: before } = await library.cache();
  expect(reason).toBeString();
  for (const command of ["status", "health"]) {
    expect(await library.musicfs(command)).toContain("the cache keeps nothing for now: ");
  }
  const health = JSON.parse(await library.musicfs("health", "--json"));
  expect(health).toMatchObject({ status: "healthy", cache: { status: "degraded" } });
  expectExact(await library.read("pinned", "late"));
  expect((await library.cache()).hit_bytes - before).toBeGreaterThanOrEqual(FILE_BYTES);
}

async function keepsAgain(library: KeptLibrary): Promise<void> {
  const again = async () => (await library.cache()).status === "ok";
  await eventually("the cache is well", again, 90_000);
  expect(await library.musicfs("health")).not.toContain("the cache keeps nothing");
  await eventually("what is read is kept", async () => {
    expectExact(await library.read("late"));
    return (await library.verify()).bytes >= 2 * FILE_BYTES;
  });
}

function files(...names: readonly string[]): Readonly<Record<string, Uint8Array>> {
  const bytes = () => Buffer.alloc(FILE_BYTES, crypto.getRandomValues(new Uint8Array(65_536)));
  return Object.fromEntries(names.map((name) => [name, bytes()]));
}

function flipBit(file: string, at: number): void {
  const fd = openSync(file, "r+");
  const byte = new Uint8Array(1);
  readSync(fd, byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ (1 << Math.floor(Math.random() * 8));
  writeSync(fd, byte, 0, 1, at);
  closeSync(fd);
}

function expectExact(reads: readonly FileRead[]): void {
  for (const { path, content } of reads) expect([path, content]).toEqual([path, "exact"]);
}
