/** Each way in which mounting can fail: the exit status, what is wrong, and what to do about it. */

import { describe, expect } from "bun:test";
import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { needing } from "../support/needs.ts";
import {
  BINARY,
  Mount,
  MountNamespace,
  must,
  NOBODY,
  type Outcome,
  Workspace,
} from "./support/musicfs.ts";

const { test } = needing("root", "fuse", "fusermount3", "setpriv");

function library(): Workspace {
  const workspace = new Workspace("errors");
  workspace.file("disk/album/track", "music");
  return workspace;
}

function mountOn(workspace: Workspace, mountPoint: string, ...more: string[]): Promise<Outcome> {
  return workspace.musicfs("mount", mountPoint, "--origin", workspace.path("disk"), ...more);
}

function expectError(outcome: Outcome, code: number, ...said: readonly string[]): void {
  expect([outcome.code, outcome.stdout]).toEqual([code, ""]);
  const error = outcome.stderr.split("\n").filter((line) => line.startsWith("musicfs: "));
  expect(error).toHaveLength(1);
  for (const words of said) expect(error[0]).toContain(words);
}

describe("mount refuses", () => {
  test("a mount point that does not exist", async () => {
    using workspace = library();
    const missing = workspace.path("missing");
    const outcome = await mountOn(workspace, missing);
    expectError(outcome, 1, `the mount point ${missing} does not exist`, `mkdir -p ${missing}`);
  });

  test("a mount point that is not empty", async () => {
    using workspace = library();
    workspace.file("mnt/mine", "mine");
    const outcome = await mountOn(workspace, workspace.mountPoint);
    expectError(outcome, 1, "is not empty", "choose an empty directory");
    expect(readdirSync(workspace.mountPoint)).toEqual(["mine"]);
  });

  test("a mount point that is a file, or below one", async () => {
    using workspace = library();
    const file = workspace.file("file", "");
    expectError(await mountOn(workspace, file), 1, "is not a directory");
    expectError(await mountOn(workspace, `${file}/below`), 1, "is not a directory");
  });

  test("a mount point inside an origin, also through a link", async () => {
    using workspace = library();
    const inside = workspace.path("disk/mnt");
    mkdirSync(inside);
    const said = ["lies inside origin origin1", "mount_point"];
    expectError(await mountOn(workspace, inside), 2, ...said);
    symlinkSync(inside, workspace.path("link"));
    expectError(await mountOn(workspace, workspace.path("link")), 2, ...said);
    const same = await mountOn(workspace, workspace.path("disk"));
    expectError(same, 2, "is the same directory as origin origin1");
  });

  test("an origin inside the mount point", async () => {
    using workspace = library();
    expectError(await mountOn(workspace, workspace.root), 2, "contains origin origin1");
  });

  test("a cache directory inside an origin", async () => {
    using workspace = library();
    const cache = workspace.path("disk/cache");
    const outcome = await mountOn(workspace, workspace.mountPoint, "--cache-dir", cache);
    expectError(outcome, 2, `the cache directory ${cache} lies inside origin origin1`, "cache_dir");
  });

  test("a mount point where a library is mounted, which goes on", async () => {
    using workspace = library();
    await using mount = await Mount.scanned(workspace, Mount.origins(workspace.path("disk")));
    const cache = ["--cache-dir", workspace.path("cache")];
    const again = await mountOn(workspace, workspace.mountPoint, ...cache);
    expectError(again, 1, "already mounted", "musicfs unmount");
    expect(await workspace.shell('cat "$1/album/track"')).toBe("music");
    expect(await mount.stop()).toBe(0);
  });

  test("a mount point where another file system has files", async () => {
    using workspace = library();
    await must(["mount", "-t", "tmpfs", "tmpfs", workspace.mountPoint]);
    try {
      workspace.file("mnt/theirs", "");
      expectError(await mountOn(workspace, workspace.mountPoint), 1, "is not empty");
    } finally {
      await must(["umount", workspace.mountPoint]);
    }
  });

  test("a cache directory that another mount uses, and names that one", async () => {
    using workspace = library();
    const cache = ["--cache-dir", workspace.path("cache")];
    const args = [...Mount.origins(workspace.path("disk")), ...cache];
    await using mount = await Mount.scanned(workspace, args);
    const outcome = await mountOn(workspace, workspace.directory("other"), ...cache);
    const holder = `process ${mount.pid} on ${workspace.mountPoint}`;
    expectError(outcome, 4, "in use by another mount", holder, "cache_dir");
  });

  test("to mount nothing", async () => {
    using workspace = library();
    const outcome = await workspace.musicfs("mount", workspace.mountPoint);
    expectError(outcome, 2, "musicfs origins add", "--origin PATH");
  });

  test("with --require-all an origin that was never listed", async () => {
    using workspace = library();
    const outcome = await mountOn(workspace, workspace.mountPoint, "--require-all");
    expectError(outcome, 1, "never listed so far: origin1", "musicfs scan origin1");
    expect(workspace.isMounted).toBe(false);
    {
      await using mount = await Mount.scanned(workspace, Mount.origins(workspace.path("disk")));
      expect(await mount.stop()).toBe(0);
    }
    const args = [...Mount.origins(workspace.path("disk")), "--require-all"];
    await using mount = await Mount.start(workspace, args);
    expect(await mount.stop()).toBe(0);
  });

  test("nothing because an origin is away", async () => {
    using workspace = library();
    const origins = Mount.origins(workspace.path("away"), workspace.path("disk"));
    await using mount = await Mount.start(workspace, origins);
    await mount.logged("origin is unhealthy");
    await mount.logged('"message":"scanned"');
    expect(await workspace.shell('cat "$1/album/track"')).toBe("music");
    expect(await mount.stop()).toBe(0);
  });
});

describe("mount by an ordinary user refuses", () => {
  test("somebody else's directory", async () => {
    await using namespace = await MountNamespace.create();
    using workspace = new Workspace("errors", NOBODY, namespace);
    workspace.file("disk/track", "music");
    using others = new Workspace("others");
    const outcome = await mountOn(workspace, others.mountPoint);
    expectError(outcome, 1, "neither own nor may write to", "chown");
  });

  test("allow_other where /etc/fuse.conf does not allow it", async () => {
    await using namespace = await MountNamespace.create();
    using workspace = new Workspace("errors", NOBODY, namespace);
    workspace.file("disk/track", "music");
    const outcome = await mountOn(workspace, workspace.mountPoint, "--allow-other");
    expectError(outcome, 1, "user_allow_other", "/etc/fuse.conf");
  });

  test("to go on without fusermount3, and names its package", async () => {
    using workspace = new Workspace("errors", NOBODY);
    workspace.file("disk/track", "music");
    const hidden = 'mount --bind /dev/null "$(command -v fusermount3)"; exec "$@"';
    const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const outcome = await workspace.run(
      [
        ...["unshare", "-m", "sh", "-ec", hidden, "sh", ...user],
        ...[BINARY, "mount", workspace.mountPoint, "--origin", workspace.path("disk")],
      ],
      { user: undefined },
    );
    expectError(outcome, 1, "install the package fuse3");
  });
});
