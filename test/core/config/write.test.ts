import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import { editFile } from "../../../src/core/config/write.ts";

const options = { uid: process.getuid?.() ?? 0, clock: systemClock };
let dir = "";
let file = "";

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "musicfs-write-"));
  file = join(dir, "config.toml");
});
afterEach(() => rmSync(dir, { recursive: true }));

describe("editFile()", () => {
  test("makes a file that is not there, private, with its directories", async () => {
    const path = join(dir, "a/b/config.toml");
    await editFile(path, options, async (text) => `${text}x = 1\n`);
    expect(readFileSync(path, "utf8")).toBe("x = 1\n");
    expect(statSync(path).mode & 0o7777).toBe(0o600);
    expect(statSync(join(dir, "a/b")).mode & 0o7777).toBe(0o700);
  });

  test("keeps the mode and leaves nothing beside the file", async () => {
    writeFileSync(file, "old");
    chmodSync(file, 0o640);
    const { ino } = statSync(file);
    await editFile(file, options, async () => "new");
    expect(statSync(file).mode & 0o7777).toBe(0o640);
    expect(statSync(file).ino).not.toBe(ino);
    expect(readdirSync(dir)).toEqual(["config.toml"]);
  });

  test("takes away what an edit that was killed left behind", async () => {
    writeFileSync(file, "old", { mode: 0o600 });
    writeFileSync(join(dir, ".config.toml.new"), "half of");
    await editFile(file, options, async () => "new");
    expect(readFileSync(file, "utf8")).toBe("new");
    expect(readdirSync(dir)).toEqual(["config.toml"]);
  });

  test("replaces what a symbolic link points to, not the link", async () => {
    writeFileSync(join(dir, "real.toml"), "old", { mode: 0o600 });
    symlinkSync("real.toml", file);
    await editFile(file, options, async () => "new");
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(dir, "real.toml"), "utf8")).toBe("new");
  });

  test("writes nothing when the text stays, or the edit fails", async () => {
    writeFileSync(file, "old", { mode: 0o600 });
    const { ino } = statSync(file);
    await editFile(file, options, async (text) => text);
    const failing = editFile(file, options, async () => Promise.reject(new Error("no")));
    await expect(failing).rejects.toThrow("no");
    expect(statSync(file).ino).toBe(ino);
    expect(readdirSync(dir)).toEqual(["config.toml"]);
  });

  test("lets an editor that saved meanwhile win", async () => {
    writeFileSync(file, "old", { mode: 0o600 });
    const late = editFile(file, options, async (text) => {
      writeFileSync(file, "by hand", { mode: 0o600 });
      return `${text}!`;
    });
    await expect(late).rejects.toThrow("was changed meanwhile; nothing was written");
    expect(readFileSync(file, "utf8")).toBe("by hand");
    expect(readdirSync(dir)).toEqual(["config.toml"]);
  });

  test("loses none of many edits at once", async () => {
    const edits = Array.from({ length: 10 }, (_, index) =>
      editFile(file, options, async (text) => {
        await Bun.sleep(1);
        return `${text}${index}\n`;
      }),
    );
    await Promise.all(edits);
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    expect(lines.map(Number).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("refuses a file of another user", async () => {
    writeFileSync(file, "old", { mode: 0o600 });
    const other = { ...options, uid: options.uid + 1 };
    await expect(editFile(file, other, async () => "new")).rejects.toThrow("belongs to user");
  });
});
