/**
 * Which replica may stand in for another: the promises of each class, and what `failover` and
 * `on_mismatch` change of them.
 */

import { describe, expect } from "bun:test";
import { existsSync, renameSync, rmSync, utimesSync } from "node:fs";
import { ROOT_RECHECK_MS } from "../../src/core/origins/disk/root.ts";
import { SystemCalls } from "../suites/posix/system_calls.ts";
import { needing } from "../support/needs.ts";
import { eventually, Mount, must, Workspace } from "./support/musicfs.ts";

const { test } = needing("root", "fuse", "getfattr");

const [PROT_READ, MAP_SHARED] = [1, 1];
const SIZE = 8 * 1024 * 1024;
const NAS = "from the nas ".repeat(SIZE).slice(0, SIZE);
const BACKUP = "a backup text ".repeat(SIZE).slice(0, SIZE);

/** Origins `nas` and `backup` with `track`, mounted with these settings of reads. */
async function mounted(workspace: Workspace, settings = ""): Promise<Mount> {
  const origins = ["nas", "backup"].map(
    (id, index) => `[[origins]]
id = "${id}"
origin_type = "local"
priority = ${index + 1}
path = "${workspace.path(id)}"
poll_interval_secs = 86400
`,
  );
  const health = "[health]\ncheck_interval_secs = 1\n";
  const text = `${health}[read]\n${settings}\n${origins.join("")}`;
  return await Mount.scanned(workspace, workspace.config(text));
}

function planted(nas: string, backup: string): Workspace {
  const workspace = new Workspace("replicas");
  for (const [id, content] of [
    ["nas", nas],
    ["backup", backup],
  ] as const) {
    utimesSync(workspace.file(`${id}/track`, content), 1_000_000_000, 1_000_000_000);
  }
  return workspace;
}

function replicas(workspace: Workspace): Promise<string> {
  return workspace.shell('getfattr --only-values -n user.musicfs.replicas "$1/track"');
}

/** The origin is away from now on, and every part of the mount knows it. */
async function takeAway(workspace: Workspace, mount: Mount): Promise<void> {
  renameSync(workspace.path("nas"), workspace.path("away"));
  await mount.logged("origin is unhealthy");
  // A thread that has the directory open looks after so long whether it is still the one meant.
  await Bun.sleep(ROOT_RECHECK_MS);
}

async function bringBack(workspace: Workspace, mount: Mount): Promise<void> {
  renameSync(workspace.path("away"), workspace.path("nas"));
  await mount.logged("origin is healthy", 3);
}

/** Opens `track`, reads a little of it, lets `change` happen, reads the rest past all caches. */
async function readAcross(workspace: Workspace, change: () => Promise<void>) {
  const script = `exec 3< "$1/track"; dd bs=64k count=8 status=none <&3; echo > "$2/begun"
while test -e "$2/begun"; do sleep 0.02; done; cat <&3`;
  const begun = workspace.path("begun");
  const done = workspace.run(["sh", "-c", script, "sh", workspace.mountPoint, workspace.root]);
  await eventually("it was read so far", () => existsSync(begun));
  await change();
  await must(["sh", "-c", "sync; echo 1 > /proc/sys/vm/drop_caches"]);
  rmSync(begun);
  return await done;
}

describe("a second replica", () => {
  test("is compared once a third of the file was read, and known over a remount", async () => {
    using workspace = planted(NAS, NAS);
    {
      await using mount = await mounted(workspace);
      expect(await replicas(workspace)).toBe("nas:proved,backup:unverified");
      await workspace.shell('head -c 100000 "$1/track" > /dev/null');
      await Bun.sleep(200);
      expect(await replicas(workspace)).toBe("nas:proved,backup:unverified");
      await workspace.shell('cat "$1/track" > /dev/null');
      await eventually("it is compared", async () =>
        (await replicas(workspace)).endsWith("backup:probable"),
      );
      expect(await mount.stop()).toBe(0);
    }
    await using mount = await mounted(workspace);
    expect(await replicas(workspace)).toBe("nas:proved,backup:probable");
    expect(await mount.stop()).toBe(0);
  });

  test('is hashed whole with failover = "proved", and is the same version from then on', async () => {
    using workspace = planted(NAS, NAS);
    await using mount = await mounted(workspace, 'failover = "proved"');
    await workspace.shell('cat "$1/track" > /dev/null');
    await eventually("it is proved", async () =>
      (await replicas(workspace)).endsWith("backup:proved"),
    );
    const { code, stdout } = await readAcross(workspace, () => takeAway(workspace, mount));
    expect([code, stdout === NAS]).toEqual([0, true]);
    expect(await mount.stop()).toBe(0);
  });

  test("of other bytes is told once and never stands in", async () => {
    using workspace = planted(NAS, BACKUP);
    {
      await using mount = await mounted(workspace);
      await workspace.shell('cat "$1/track" > /dev/null');
      await mount.logged("replicas of one path differ");
      expect(await mount.stop()).toBe(0);
    }
    await using mount = await mounted(workspace);
    expect(await replicas(workspace)).toBe("nas:proved,backup:different");
    const { code, stdout, stderr } = await readAcross(workspace, () => takeAway(workspace, mount));
    expect(code).toBe(1);
    expect(NAS.startsWith(stdout)).toBe(true);
    expect(stderr).toContain("Input/output error");
    expect(mount.lines("replicas of one path differ")).toEqual([]);
    expect(await mount.stop()).toBe(0);
  });

  test("that nobody compared finishes an open file once its bytes agree with those served", async () => {
    using workspace = planted(NAS, NAS);
    await using mount = await mounted(workspace);
    const { code, stdout } = await readAcross(workspace, () => takeAway(workspace, mount));
    expect([code, stdout === NAS]).toEqual([0, true]);
    expect(await mount.stop()).toBe(0);
  });

  test('that is not proved finishes no open file with failover = "proved"', async () => {
    using workspace = planted(NAS, NAS);
    await using mount = await mounted(workspace, 'failover = "proved"');
    const { code, stdout } = await readAcross(workspace, () => takeAway(workspace, mount));
    expect([code, NAS.startsWith(stdout)]).toEqual([1, true]);
    expect(await mount.stop()).toBe(0);
  });
});

describe("while the preferred origin is away", () => {
  test("a file that nobody compared opens as the version of the other origin, whole", async () => {
    using workspace = planted(NAS, BACKUP);
    await using mount = await mounted(workspace);
    await takeAway(workspace, mount);
    expect((await workspace.shell('cat "$1/track"')) === BACKUP).toBe(true);
    await bringBack(workspace, mount);
    await eventually(
      "the preferred version is shown again",
      async () => (await workspace.shell('cat "$1/track"')) === NAS,
    );
    expect(await mount.stop()).toBe(0);
  });

  test('one that is only probable opens as a version of its own with failover = "proved"', async () => {
    using workspace = planted(NAS, NAS);
    {
      await using mount = await mounted(workspace);
      await workspace.shell('cat "$1/track" > /dev/null');
      await eventually("it is compared", async () =>
        (await replicas(workspace)).endsWith("backup:probable"),
      );
      expect(await mount.stop()).toBe(0);
    }
    await using mount = await mounted(workspace, 'failover = "proved"');
    expect(await replicas(workspace)).toBe("nas:proved,backup:probable");
    await takeAway(workspace, mount);
    expect((await workspace.shell('cat "$1/track"')) === NAS).toBe(true);
    expect(await replicas(workspace)).toBe("nas:probable,backup:proved");
    expect(await mount.stop()).toBe(0);
  });

  test('a file that differs is refused with on_mismatch = "refuse", and stays in the tree', async () => {
    using workspace = planted(NAS, `${BACKUP} and longer`);
    await using mount = await mounted(workspace);
    await takeAway(workspace, mount);
    const { code, stderr } = await workspace.run(["cat", `${workspace.mountPoint}/track`]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("Input/output error")]);
    expect(await workspace.shell('stat -c %s "$1/track"')).toBe(`${SIZE}\n`);
    await bringBack(workspace, mount);
    expect((await workspace.shell('cat "$1/track"')) === NAS).toBe(true);
    expect(await mount.stop()).toBe(0);
  });

  test('a file that differs is the other one with on_mismatch = "serve", for new opens only', async () => {
    const other = `${BACKUP} and longer`;
    using workspace = planted(NAS, other);
    await using mount = await mounted(workspace, 'on_mismatch = "serve"');
    const { code, stdout } = await readAcross(workspace, async () => {
      await takeAway(workspace, mount);
      expect((await workspace.shell('cat "$1/track"')) === other).toBe(true);
      expect(await workspace.shell('stat -c %s "$1/track"')).toBe(`${other.length}\n`);
    });
    // The handle of before never got a byte of it.
    expect([code, NAS.startsWith(stdout)]).toEqual([1, true]);
    await bringBack(workspace, mount);
    await eventually(
      "the preferred version is shown again",
      async () => (await workspace.shell('cat "$1/track"')) === NAS,
    );
    expect(await mount.stop()).toBe(0);
  });

  test("what the kernel has cached of a file in use is read without it", async () => {
    using workspace = planted(NAS, "of another size");
    await using mount = await mounted(workspace);
    {
      await using sys = new SystemCalls(workspace.mountPoint);
      const fd = await sys.open("track", 0);
      // Mapped pages are not dropped, whoever asks for memory meanwhile.
      const address = await sys.call("mmap64", 0, SIZE, PROT_READ, MAP_SHARED, fd, 0);
      expect((await sys.peek(address, SIZE)).toString() === NAS).toBe(true);
      await takeAway(workspace, mount);
      expect((await sys.peek(address, SIZE)).toString() === NAS).toBe(true);
      expect((await sys.pread(fd, 1000, 5000)).toString()).toBe(NAS.slice(5000, 6000));
    }
    expect(await mount.stop()).toBe(0);
  });
});
