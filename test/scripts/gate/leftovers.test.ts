import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { leftMounts, leftovers, leftProcesses, RUN_MARK } from "../../../scripts/gate/leftovers.ts";

describe("leftMounts()", () => {
  const MOUNTINFO = [
    "21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw",
    "90 21 0:55 / /tmp/run/my\\040music ro,nosuid shared:7 master:2 - fuse.musicfs musicfs ro",
    "91 21 0:56 / /tmp/runner rw - tmpfs none rw",
  ].join("\n");

  test("names the mounts below the directory, with their types and plain names", () => {
    expect(leftMounts("/tmp/run", MOUNTINFO)).toEqual(["mount /tmp/run/my music (fuse.musicfs)"]);
  });

  test("finds nothing where nothing is mounted", () => {
    expect(leftMounts("/tmp/run/other", MOUNTINFO)).toEqual([]);
  });
});

describe("leftProcesses()", () => {
  test("names processes that carry the mark, until they are gone", async () => {
    const mark = crypto.randomUUID();
    const child = Bun.spawn(["sleep", "60"], { env: { ...process.env, [RUN_MARK]: mark } });
    try {
      expect(leftProcesses(mark)).toEqual([`process ${child.pid} sleep 60`]);
      expect(leftProcesses(crypto.randomUUID())).toEqual([]);
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
    expect(leftProcesses(mark)).toEqual([]);
  });
});

describe("leftovers()", () => {
  test("names files in the run's directory", () => {
    const directory = mkdtempSync(join(tmpdir(), "musicfs-leftovers-"));
    try {
      expect(leftovers("none", directory)).toEqual([]);
      writeFileSync(join(directory, "forgotten"), "");
      expect(leftovers("none", directory)).toEqual([`file ${directory}/forgotten`]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
