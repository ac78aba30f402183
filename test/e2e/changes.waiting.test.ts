/** What happens on an origin behind the mount's back: what is seen of it, when, and what never is. */

import { describe, expect } from "bun:test";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { SqliteCatalogReader } from "../../src/core/catalog/reader.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import { needing } from "../support/needs.ts";
import { eventually, Mount, must, run, Workspace } from "./support/musicfs.ts";
import { describeEachUser } from "./support/users.ts";

const { test } = needing("root", "fuse");

const EXPORTED_SECS = 1_000_000_000;

/** A mount whose origins are scanned every second, or never again, and not watched. */
async function mountScanning(
  workspace: Workspace,
  every: "second" | "never",
  ...ids: readonly string[]
): Promise<Mount> {
  const tables = ids.map(
    (id, index) => `[[origins]]
id = "${id}"
origin_type = "local"
priority = ${index + 1}
path = "${workspace.path(id)}"
watch = false
poll_interval_secs = ${every === "second" ? 1 : 86_400}
`,
  );
  const health = "[health]\ncheck_interval_secs = 1\n";
  return Mount.scanned(workspace, workspace.config(health + tables.join("")));
}

/** Waits for a complete scan of each of these origins that began after now. */
async function nextScan(workspace: Workspace, ...ids: readonly string[]): Promise<void> {
  const file = workspace.path("home/cache/musicfs/catalog.db");
  const catalog = new SqliteCatalogReader(file);
  const wait = async (id: OriginId) => {
    // The one under way may have passed the place of a change already.
    for (const which of ["this scan", "the next scan"]) {
      const before = catalog.lastCompleteScanMs(id);
      await eventually(`${which} of ${id}`, () => catalog.lastCompleteScanMs(id) !== before);
    }
  };
  await Promise.all((ids as readonly OriginId[]).map(wait));
  catalog.close();
}

function listing(workspace: Workspace): Promise<string> {
  return workspace.shell('cd "$1" && find . -printf "%y %P\\n" | LC_ALL=C sort');
}

describeEachUser("a change on an origin, mounted by %s,", (workspaceNamed) => {
  test("is seen after the next scan, whatever it is", async () => {
    using workspace = workspaceNamed("changes");
    for (const name of ["stays", "goes", "is replaced", "is edited", "is renamed"]) {
      workspace.file(`disk/album/${name}`, `${name}: before`);
    }
    workspace.file("disk/emptied/track", "track");
    await using mount = await mountScanning(workspace, "second", "disk");
    await workspace.shell('find "$1" -type f -exec cat {} + > /dev/null; ls -lR "$1" > /dev/null');

    const album = workspace.path("disk/album");
    rmSync(`${album}/goes`);
    workspace.file("disk/incoming", "is replaced: after");
    renameSync(workspace.path("disk/incoming"), `${album}/is replaced`);
    appendFileSync(`${album}/is edited`, " and after");
    renameSync(`${album}/is renamed`, `${album}/has a new name`);
    workspace.file("disk/new/album/track", "new");
    rmSync(workspace.path("disk/emptied/track"));
    await nextScan(workspace, "disk");

    expect((await listing(workspace)).trimEnd().split("\n")).toEqual([
      "d ",
      "d album",
      "d emptied",
      "d new",
      "d new/album",
      "f album/has a new name",
      "f album/is edited",
      "f album/is replaced",
      "f album/stays",
      "f new/album/track",
    ]);
    const text = await workspace.shell(
      'cd "$1" && for f in */* */*/*; do test -f "$f" && cat "$f" && echo; done; true',
    );
    expect(text.trimEnd().split("\n")).toEqual([
      "is renamed: before",
      "is edited: before and after",
      "is replaced: after",
      "stays: before",
      "new",
    ]);
    const sizes = await workspace.shell('stat -c %s "$1/album/is edited"');
    expect(Number(sizes)).toBe("is edited: before and after".length);
    expect(await mount.stop()).toBe(0);
  });

  test("of a file is seen when it is opened, without a scan", async () => {
    using workspace = workspaceNamed("changes");
    const file = workspace.file("disk/album/track", "the first bytes");
    await using mount = await mountScanning(workspace, "never", "disk");
    const read = () => workspace.shell('cat "$1/album/track"');
    const inode = () => workspace.shell('stat -c %i "$1/album/track"');
    expect(await read()).toBe("the first bytes");
    const before = await inode();
    // In place with the same size, replaced, and cut short: an open finds each.
    writeFileSync(file, "the other bytes");
    expect(await read()).toBe("the other bytes");
    workspace.file("disk/incoming", "a longer text than it was before");
    renameSync(workspace.path("disk/incoming"), file);
    expect(await read()).toBe("a longer text than it was before");
    writeFileSync(file, "short");
    expect(await read()).toBe("short");
    expect(await workspace.shell('stat -c %s "$1/album/track"')).toBe("5\n");
    expect(await inode()).toBe(before);
    expect(mount.lines('"message":"scanned"')).toHaveLength(1);
    expect(await mount.stop()).toBe(0);
  });

  test("by which a file goes is seen when it is opened, without a scan", async () => {
    using workspace = workspaceNamed("changes");
    for (const name of ["one", "two", "three"]) workspace.file(`disk/album/${name}`, name);
    await using mount = await mountScanning(workspace, "never", "disk");
    expect(await workspace.shell('ls "$1/album"')).toBe("one\nthree\ntwo\n");
    rmSync(workspace.path("disk/album/one"));
    const { stderr } = await workspace.run(["cat", `${workspace.mountPoint}/album/one`]);
    expect(stderr).toContain("No such file or directory");
    expect(await workspace.shell('ls "$1/album"')).toBe("three\ntwo\n");
    expect(await mount.stop()).toBe(0);
  });

  test("while nothing was mounted is seen soon after the mount", async () => {
    using workspace = workspaceNamed("changes");
    workspace.file("disk/album/one", "one");
    workspace.file("disk/album/two", "two");
    {
      await using mount = await mountScanning(workspace, "never", "disk");
      expect(await mount.stop()).toBe(0);
    }
    rmSync(workspace.path("disk/album/one"));
    workspace.file("disk/album/three", "three");
    await using mount = await mountScanning(workspace, "never", "disk");
    expect(await workspace.shell('ls "$1/album"')).toBe("three\ntwo\n");
    expect(await mount.stop()).toBe(0);
  });

  test("moves the mtime of its directory, and of no other", async () => {
    using workspace = workspaceNamed("changes");
    workspace.file("disk/changed/one", "one");
    workspace.file("disk/changed/two", "two");
    workspace.file("disk/quiet/one", "one");
    workspace.file("backup/quiet/one", "one");
    // Far in the future, where nothing that happens now can move it to.
    for (const directory of ["disk/changed", "disk/quiet", "backup/quiet"]) {
      utimesSync(workspace.path(directory), EXPORTED_SECS, EXPORTED_SECS);
    }
    await using mount = await mountScanning(workspace, "second", "disk", "backup");
    const times = async () =>
      (await workspace.shell('stat -c %.9Y "$1/changed" "$1/quiet"')).split("\n").map(Number);
    const [changed = 0, quiet = 0] = await times();
    expect([changed, quiet]).toEqual([EXPORTED_SECS, EXPORTED_SECS]);

    workspace.file("disk/changed/three", "three");
    await nextScan(workspace, "disk", "backup");
    const [added = 0, still] = await times();
    expect(added).toBeGreaterThan(changed);
    expect(still).toBe(quiet);

    rmSync(workspace.path("disk/changed/three"));
    await nextScan(workspace, "disk", "backup");
    const [removed = 0] = await times();
    expect(removed).toBeGreaterThan(added);

    // On another origin, which sets its directory's time back as rsync does.
    workspace.file("backup/quiet/two", "two");
    utimesSync(workspace.path("backup/quiet"), EXPORTED_SECS, EXPORTED_SECS);
    await nextScan(workspace, "disk", "backup");
    const [same, appeared] = await times();
    expect(same).toBe(removed);
    expect(appeared).toBeGreaterThan(quiet);
    expect(await mount.stop()).toBe(0);
  });
});

describeEachUser("an open file, mounted by %s,", (workspaceNamed) => {
  const HALF = 4 * 1024 * 1024;
  const OLD = "old ".repeat(HALF / 2);
  const NEW = "new ".repeat(HALF / 2);

  /** Reads half of the file, lets `change` happen, reads on. */
  async function readAcross(
    workspace: Workspace,
    change: () => void | Promise<void>,
  ): Promise<{ readonly text: string; readonly code: number; readonly stderr: string }> {
    const script = `exec 3< "$1/track"; dd bs=64k count=${HALF / 65_536} status=none <&3
echo > "$2/half"; while test -e "$2/half"; do sleep 0.02; done
dd bs=64k status=none <&3`;
    const done = workspace.run(["sh", "-c", script, "sh", workspace.mountPoint, workspace.root]);
    while (!readdirSync(workspace.root).includes("half")) await Bun.sleep(10);
    await change();
    // What the kernel has read ahead would hide the change.
    await must(["sh", "-c", "sync; echo 1 > /proc/sys/vm/drop_caches"]);
    rmSync(workspace.path("half"));
    const { code, stdout, stderr } = await done;
    return { text: stdout, code, stderr };
  }

  test("that is replaced reads on to its own end", async () => {
    using workspace = workspaceNamed("open");
    workspace.file("disk/track", OLD);
    await using mount = await mountScanning(workspace, "second", "disk");
    const { text, code } = await readAcross(workspace, async () => {
      workspace.file("disk/incoming", NEW);
      renameSync(workspace.path("disk/incoming"), workspace.path("disk/track"));
      await nextScan(workspace, "disk");
    });
    expect([code, text === OLD]).toEqual([0, true]);
    expect((await workspace.shell('cat "$1/track"')) === NEW).toBe(true);
    expect(await mount.stop()).toBe(0);
  });

  test("that is edited in place ends in an I/O error and never mixes old and new", async () => {
    using workspace = workspaceNamed("open");
    const file = workspace.file("disk/track", OLD);
    await using mount = await mountScanning(workspace, "never", "disk");
    const { text, code, stderr } = await readAcross(workspace, () => writeFileSync(file, NEW));
    expect(OLD.startsWith(text)).toBe(true);
    expect([code, stderr]).toEqual([1, expect.stringContaining("Input/output error")]);
    expect((await workspace.shell('cat "$1/track"')) === NEW).toBe(true);
    expect(await mount.stop()).toBe(0);
  });

  test("that is edited in place is read on from another origin (F-8)", async () => {
    using workspace = workspaceNamed("open");
    const file = workspace.file("disk/track", OLD);
    workspace.file("backup/track", OLD);
    await using mount = await mountScanning(workspace, "never", "disk", "backup");
    const { text, code } = await readAcross(workspace, () => writeFileSync(file, NEW));
    expect([code, text === OLD]).toEqual([0, true]);
    await mount.logged('"message":"failed over"');
    expect(await mount.stop()).toBe(0);
  });

  test("that is removed reads on to its own end", async () => {
    using workspace = workspaceNamed("open");
    const file = workspace.file("disk/track", OLD);
    workspace.file("disk/another", "");
    await using mount = await mountScanning(workspace, "second", "disk");
    const { text, code } = await readAcross(workspace, async () => {
      rmSync(file);
      await nextScan(workspace, "disk");
    });
    expect([code, text === OLD]).toEqual([0, true]);
    expect(await mount.stop()).toBe(0);
  });

  test("whose origin goes away is read on from another (F-8)", async () => {
    using workspace = workspaceNamed("open");
    workspace.file("disk/track", OLD);
    workspace.file("backup/track", OLD);
    await using mount = await mountScanning(workspace, "never", "disk", "backup");
    const { text, code } = await readAcross(workspace, () => {
      renameSync(workspace.path("disk"), workspace.path("gone"));
      rmSync(workspace.path("gone"), { recursive: true });
    });
    expect([code, text === OLD]).toEqual([0, true]);
    expect(await mount.stop()).toBe(0);
  });
});

describe("absence is not deletion:", () => {
  const FILES = ["album/one", "album/two", "other/three"];

  function planted(): Workspace {
    const workspace = new Workspace("absence");
    for (const name of FILES) workspace.file(`disk/${name}`, name);
    return workspace;
  }
  const WHOLE = "d \nd album\nd other\nf album/one\nf album/two\nf other/three\n";

  test("an origin that is away keeps its tree, and is read again when it is back", async () => {
    using workspace = planted();
    const disk = workspace.path("disk");
    await using mount = await mountScanning(workspace, "second", "disk");
    expect(await listing(workspace)).toBe(WHOLE);
    renameSync(disk, workspace.path("away"));
    await mount.logged("origin is unhealthy");
    await Bun.sleep(1500);
    expect(await listing(workspace)).toBe(WHOLE);
    renameSync(workspace.path("away"), disk);
    await mount.logged("origin is healthy", 2);
    expect(await workspace.shell('cat "$1/album/one"')).toBe("album/one");
    expect(await mount.stop()).toBe(0);
  }, 60_000);

  test("an origin that is suddenly empty keeps its tree, and says what to do", async () => {
    using workspace = planted();
    await using mount = await mountScanning(workspace, "second", "disk");
    const disk = workspace.path("disk");
    renameSync(disk, workspace.path("away"));
    mkdirSync(disk);
    await mount.logged('"outcome":"held"');
    expect(mount.lines('"outcome":"held"')[0]).toContain("musicfs scan disk --allow-empty");
    expect(await listing(workspace)).toBe(WHOLE);
    rmSync(disk, { recursive: true });
    renameSync(workspace.path("away"), disk);
    await nextScan(workspace, "disk");
    expect(await workspace.shell('cat "$1/album/one"')).toBe("album/one");
    expect(await mount.stop()).toBe(0);
  });

  test("an origin that lost more than half of its files keeps its tree", async () => {
    using workspace = planted();
    await using mount = await mountScanning(workspace, "second", "disk");
    rmSync(workspace.path("disk/album"), { recursive: true });
    await mount.logged('"outcome":"held"');
    expect(await listing(workspace)).toBe(WHOLE);
    expect(await mount.stop()).toBe(0);
  });

  test("a disk that is unmounted below an origin keeps its tree", async () => {
    using workspace = planted();
    for (let i = 0; i < 10; i++) workspace.file(`disk/many/${i}`, "");
    const inner = workspace.directory("disk/inner");
    await must(["mount", "-t", "tmpfs", "tmpfs", inner]);
    try {
      workspace.file("disk/inner/within", "within");
      await using mount = await mountScanning(workspace, "second", "disk");
      const before = await listing(workspace);
      expect(before).toContain("f inner/within");
      await must(["umount", inner]);
      await mount.logged('"outcome":"held"');
      expect(mount.lines('"outcome":"held"')[0]).toContain("was a mount point");
      expect(await listing(workspace)).toBe(before);
      expect(await mount.stop()).toBe(0);
    } finally {
      await run(["umount", inner]);
    }
  });

  test("a remount without the origin shows the tree as it was last known", async () => {
    using workspace = planted();
    {
      await using mount = await mountScanning(workspace, "never", "disk");
      expect(await mount.stop()).toBe(0);
    }
    renameSync(workspace.path("disk"), workspace.path("away"));
    const flags = ["--config", workspace.path("config.toml")];
    await using mount = await Mount.start(workspace, flags);
    expect(await listing(workspace)).toBe(WHOLE);
    const { stderr } = await run(["cat", `${workspace.mountPoint}/album/one`]);
    expect(stderr).toContain("Input/output error");
    expect(await mount.stop()).toBe(0);
  });
});

describe("a first mount", () => {
  test("lists completely before any scan came by", async () => {
    using workspace = new Workspace("first");
    for (let album = 0; album < 300; album++) {
      for (let track = 0; track < 5; track++) workspace.file(`disk/${album}/${track}`, "");
    }
    await using mount = await Mount.start(workspace, Mount.origins(workspace.path("disk")));
    const listed = await workspace.shell('cd "$1" && find . -printf "%y %P\\n" | sort');
    const disk = workspace.path("disk");
    const { stdout } = await run([
      "sh",
      "-c",
      `cd "$1" && find . -printf "%y %P\\n" | sort`,
      "sh",
      disk,
    ]);
    expect(listed).toBe(stdout);
    expect(await mount.stop()).toBe(0);
  });
});
