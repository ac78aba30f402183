import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPlacement } from "../../../src/core/mount/placement.ts";

describe("checkPlacement()", () => {
  const root = mkdtempSync(join(tmpdir(), "musicfs-placement-"));
  mkdirSync(join(root, "music", "albums"), { recursive: true });
  symlinkSync(join(root, "music"), join(root, "link"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const at = (path: string) => join(root, path);
  const check = (mountPoint: string, cacheDir: string, origin: string) => () =>
    checkPlacement({
      mountPoint: at(mountPoint),
      cacheDir: at(cacheDir),
      origins: [{ id: "nas", path: at(origin) }],
    });

  test("accepts places side by side, whatever their names have in common", () => {
    expect(check("mnt", "cache", "music")).not.toThrow();
    expect(check("music2", "music-cache", "music")).not.toThrow();
  });

  test("refuses a mount point in, at or around an origin, and says which", () => {
    expect(check("music/albums", "cache", "music")).toThrow(/mount point .*lies inside origin nas/);
    expect(check("music", "cache", "music")).toThrow(/is the same directory as origin nas/);
    expect(check("music", "cache", "music/albums")).toThrow(/contains origin nas/);
  });

  test("refuses a cache directory in an origin, also one that does not exist yet", () => {
    expect(check("mnt", "music/new/cache", "music")).toThrow(/cache directory .*lies inside/);
  });

  test("sees through symbolic links", () => {
    expect(check("link/albums", "cache", "music")).toThrow(/lies inside/);
    expect(check("mnt", "cache", "link")).not.toThrow();
  });

  test("follows no links on what may hang, and compares it as it is written", () => {
    const places = (origin: string) => ({
      mountPoint: at("music/albums"),
      cacheDir: at("cache"),
      origins: [{ id: "nas", path: at(origin) }],
    });
    expect(() => checkPlacement(places("link"), () => false)).not.toThrow();
    expect(() => checkPlacement(places("music"), () => false)).toThrow(/lies inside/);
  });
});
