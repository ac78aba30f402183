/** Cached files that the kernel reads by itself: complete, proved, and nobody's to count. */

import { expect } from "bun:test";
import { appendFileSync, closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../e2e/support/musicfs.ts";
import { needing } from "../support/needs.ts";
import { KeptLibrary } from "./support/kept_library.ts";
import { readPausing } from "./support/read_files.ts";

const FILE_BYTES = 3_000_017;
const DISK_BYTES = 64 * 1024 * 1024;

const { describe, test } = needing("root", "fuse", "Linux 6.9");

/** A library of one file, read until the kernel reads it by itself. */
async function passing(...args: readonly string[]) {
  const stack = new AsyncDisposableStack();
  const content = Buffer.alloc(FILE_BYTES, crypto.getRandomValues(new Uint8Array(65_537)));
  const library = stack.use(await KeptLibrary.create({ track: content }, DISK_BYTES));
  const mount = stack.use(await library.scanned(...args));
  return { stack, library, mount, content };
}

async function passed(library: KeptLibrary): Promise<void> {
  await eventually("the kernel reads it by itself", async () => {
    const [read, isPassed] = await library.readPassed("track");
    expect(read).toBe("exact");
    return isPassed;
  });
}

describe("a complete cached file", () => {
  test("is read by the kernel itself once it was read, byte for byte, with its origin gone", async () => {
    const { stack, library } = await passing();
    await using _all = stack;
    expect(await library.readPassed("track")).toEqual(["exact", false]);
    await passed(library);
    await library.sshd.kill();
    expect(await library.readPassed("track")).toEqual(["exact", true]);
  }, 90_000);

  test("of which a bit was flipped is found before the kernel reads it, and none is served", async () => {
    const { stack, library } = await passing();
    await using _all = stack;
    await passed(library);
    const [file = ""] = library.dataFiles;
    flipBit(file, FILE_BYTES / 2);
    expect(await library.readPassed("track")).toEqual(["exact", false]);
    const events = await library.musicfs("events", "--type=cache_block_dropped", "--json");
    expect(events.trim().split("\n")).toHaveLength(1);
    await passed(library);
  }, 120_000);

  test("reads on to its end though it is cleared, or its data file removed", async () => {
    const { stack, library, content } = await passing();
    await using _all = stack;
    const whole = new Bun.CryptoHasher("sha256").update(content).digest("hex");
    for (const drop of [
      () => library.musicfs("cache", "clear"),
      async () => library.dataFiles.forEach((file) => void rmSync(file)),
    ]) {
      await passed(library);
      const paused = await readPausing(library.mounted("track"), 65_536);
      await drop();
      expect((await paused.goOn()).content).toBe(whole);
      expect(await library.readPassed("track")).toEqual(["exact", false]);
    }
  }, 120_000);

  test("that is changed shows the new version to whoever opens it", async () => {
    const { stack, library, content } = await passing();
    await using _all = stack;
    await passed(library);
    const paused = await readPausing(library.mounted("track"), 65_536);
    appendFileSync(join(library.sshd.dataDir, "track"), "retagged");
    await library.musicfs("scan");
    const changed = new Bun.CryptoHasher("sha256").update(content).update("retagged").digest("hex");
    const [read] = await library.read("track");
    expect(read?.content).toBe(changed);
    const old = new Bun.CryptoHasher("sha256").update(content).digest("hex");
    expect((await paused.goOn()).content).toBe(old);
  }, 90_000);

  test("is read through us while an earlier handle is open, and with passthrough off", async () => {
    const { stack, library, mount } = await passing();
    await using _all = stack;
    const paused = await readPausing(library.mounted("track"), 65_536);
    await library.read("track");
    expect(await library.readPassed("track")).toEqual(["exact", false]);
    await paused.goOn();
    await passed(library);
    expect(await mount.stop()).toBe(0);
    await using _off = await library.start("--passthrough", "off");
    expect(await library.readPassed("track")).toEqual(["exact", false]);
  }, 90_000);
});

function flipBit(file: string, at: number): void {
  const fd = openSync(file, "r+");
  const byte = new Uint8Array(1);
  readSync(fd, byte, 0, 1, Math.floor(at));
  byte[0] = (byte[0] ?? 0) ^ 4;
  writeSync(fd, byte, 0, 1, Math.floor(at));
  closeSync(fd);
}
