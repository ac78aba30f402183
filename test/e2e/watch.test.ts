/** Changes of local origins reach the mount by themselves, soon, and the kernel forgets just them. */

import { describe, expect } from "bun:test";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { needing } from "../support/needs.ts";
import { eventually, Mount, Workspace } from "./support/musicfs.ts";

const { test } = needing("root", "fuse");

/** A change is seen within a second of the file's close; a loaded machine gets some more. */
const SOON_MS = 5000;

async function watched(workspace: Workspace): Promise<Mount> {
  const config = workspace.config(`[[origins]]
id = "disk"
origin_type = "local"
path = "${workspace.path("disk")}"
poll_interval_secs = 86400
`);
  const mount = await Mount.start(workspace, [...config, "--log-level", "debug"]);
  return await mount.readyOnce(() =>
    eventually("it is watched and was scanned since", () => {
      const [, since] = mount.log.split('"message":"origin_watched"');
      const [, scan] = since?.split('"message":"scan_started"') ?? [];
      return scan?.includes('"message":"scanned"') ?? false;
    }),
  );
}

async function soon(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const started = performance.now();
  await eventually(what, isSo);
  expect(performance.now() - started, what).toBeLessThan(SOON_MS);
}

describe("a watched origin", () => {
  test("S-3 shows every change within a second, without a scan or an open", async () => {
    using workspace = new Workspace("watch");
    workspace.file("disk/album/one", "1");
    workspace.file("disk/album/two", "2");
    await using mount = await watched(workspace);
    const scans = mount.lines('"message":"scan_started"').length;
    const list = () => workspace.shell('cd "$1" && find . -type f -printf "%P %s\\n" | sort');
    const shows = (what: string, ...lines: readonly string[]) =>
      soon(what, async () => (await list()) === lines.map((line) => `${line}\n`).join(""));
    await shows("the beginning", "album/one 1", "album/two 1");

    workspace.file("disk/album/three", "three");
    await shows("a new file", "album/one 1", "album/three 5", "album/two 1");
    appendFileSync(workspace.path("disk/album/one"), "11");
    await shows("an edited file", "album/one 3", "album/three 5", "album/two 1");
    renameSync(workspace.path("disk/album/two"), workspace.path("disk/album/2"));
    await shows("a renamed file", "album/2 1", "album/one 3", "album/three 5");
    rmSync(workspace.path("disk/album/three"));
    await shows("a removed file", "album/2 1", "album/one 3");
    mkdirSync(workspace.path("disk/new/disc 1"), { recursive: true });
    workspace.file("disk/new/disc 1/track", "track");
    await shows("a new directory", "album/2 1", "album/one 3", "new/disc 1/track 5");
    renameSync(workspace.path("disk/new"), workspace.path("disk/renamed"));
    await shows("a renamed directory", "album/2 1", "album/one 3", "renamed/disc 1/track 5");
    symlinkSync("../album/2", workspace.path("disk/renamed/link"));
    await shows("a link", "album/2 1", "album/one 3", "renamed/disc 1/track 5", "renamed/link 1");
    rmSync(workspace.path("disk/renamed"), { recursive: true });
    await shows("a removed directory", "album/2 1", "album/one 3");

    expect(mount.lines('"message":"scan_started"')).toHaveLength(scans);
    expect(await mount.stop()).toBe(0);
  });

  test("shows an edited file's bytes, size and version to who has read it before", async () => {
    using workspace = new Workspace("watch");
    const file = workspace.file("disk/track", "before");
    await using mount = await watched(workspace);
    const look = () =>
      workspace.shell(
        'cat "$1/track"; stat -c " %s" "$1/track"; getfattr -n user.musicfs.version --only-values "$1/track"',
      );
    const before = await look();
    expect(before).toStartWith("before 6\n");
    writeFileSync(file, "edited!");
    await soon("the edit", async () => (await look()).startsWith("edited! 7\n"));
    expect(await mount.stop()).toBe(0);
  });

  test("takes thousands of files that come at once", async () => {
    using workspace = new Workspace("watch");
    mkdirSync(workspace.path("disk"), { recursive: true });
    workspace.file("disk/first", "first");
    await using mount = await watched(workspace);
    for (let album = 0; album < 300; album++) {
      mkdirSync(workspace.path(`disk/${album}`));
      for (let track = 0; track < 10; track++) {
        writeFileSync(workspace.path(`disk/${album}/${track}`), `${album}/${track}`);
      }
    }
    await eventually("all are there", async () => {
      const found = await workspace.shell('find "$1" -type f | wc -l');
      return Number(found) === 3001;
    });
    expect(readdirSync(`/proc/${mount.pid}/fd`).length).toBeLessThan(100);
    expect(await mount.stop()).toBe(0);
  });
});
