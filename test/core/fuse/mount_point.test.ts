import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import {
  canonicalMountPoint,
  checkMountPoint,
  musicfsMountAt,
} from "../../../src/core/fuse/mount_point.ts";

let root = "";

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "musicfs-mount-point-")));
  mkdirSync(join(root, "empty"));
  mkdirSync(join(root, "full"));
  writeFileSync(join(root, "full/file"), "");
  symlinkSync("empty", join(root, "link"));
  symlinkSync(root, join(root, "up"));
  symlinkSync("loop", join(root, "loop"));
});

afterEach(() => rmSync(root, { recursive: true }));

describe("canonicalMountPoint()", () => {
  test("is absolute and free of symbolic links", () => {
    const empty = join(root, "empty");
    for (const path of ["empty", "empty/", "link", "up/up/link", "full/../empty"]) {
      expect(canonicalMountPoint(join(root, path))).toBe(empty);
    }
    expect(canonicalMountPoint(relative(process.cwd(), empty))).toBe(empty);
    expect(canonicalMountPoint("/")).toBe("/");
    expect(canonicalMountPoint("/proc/")).toBe("/proc");
  });

  test.each([
    ["missing", "does not exist: mkdir -p"],
    ["missing/below", "does not exist: mkdir -p"],
    ["full/file/below", "is not a directory"],
    ["loop", "too many symbolic links"],
  ])("of %s says what to do", (path, text) => {
    expect(() => canonicalMountPoint(join(root, path))).toThrow(text);
  });
});

describe("checkMountPoint()", () => {
  test("accepts an empty directory", () => {
    checkMountPoint(join(root, "empty"));
  });

  test.each([
    ["full", "is not empty"],
    ["full/file", "is not a directory"],
    ["missing", "does not exist: mkdir -p"],
  ])("refuses %s", (path, text) => {
    expect(() => checkMountPoint(join(root, path))).toThrow(text);
  });
});

describe("musicfsMountAt()", () => {
  test("does not take other file systems for ours", () => {
    expect(musicfsMountAt("/")).toBeUndefined();
    expect(musicfsMountAt("/proc")).toBeUndefined();
  });
});
