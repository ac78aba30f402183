import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { leftMounts, leftovers, leftProcesses } from "../../../scripts/gate/leftovers.ts";

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
  const directory = `/tmp/musicfs-${crypto.randomUUID()}`;

  test.each([
    ["environment", ["sleep", "60"], { HOME: `${directory}/home` }],
    ["command line", ["cat", "-", `${directory}/config`], {}],
  ])(
    "names processes that have the directory in their %s, until they are gone",
    async (_, command, env) => {
      const child = Bun.spawn(command, {
        env: { PATH: process.env["PATH"], ...env },
        stdin: "pipe",
      });
      try {
        // A process has no command line yet for a moment after it was started.
        while (leftProcesses(directory).length === 0) await Bun.sleep(1);
        expect(leftProcesses(directory)).toEqual([`process ${child.pid} ${command.join(" ")}`]);
        expect(leftProcesses(`${directory}-other`)).toEqual([]);
      } finally {
        child.kill("SIGKILL");
        await child.exited;
      }
      expect(leftProcesses(directory)).toEqual([]);
    },
  );
});

describe("leftovers()", () => {
  test("names files in the run's directory", () => {
    const directory = mkdtempSync(join(tmpdir(), "musicfs-leftovers-"));
    try {
      expect(leftovers(directory)).toEqual([]);
      writeFileSync(join(directory, "forgotten"), "");
      expect(leftovers(directory)).toEqual([`file ${directory}/forgotten`]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
