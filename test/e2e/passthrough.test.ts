/** What is different for files that the kernel reads by itself (`passthrough = "all"`). */

import { describe, expect } from "bun:test";
import { existsSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { needing } from "../support/needs.ts";
import { eventually, Mount, must, run, Workspace } from "./support/musicfs.ts";

const { test } = needing("root", "fuse", "Linux 6.9");

const SIZE = 4 * 1024 * 1024;
const OLD = "old ".repeat(SIZE / 4);
const NEW = "new ".repeat(SIZE / 4);

function mounted(workspace: Workspace): Promise<Mount> {
  const origins = Mount.origins(workspace.path("disk"), workspace.path("backup"));
  const flags = ["--passthrough", "all", "--log-level", "debug"];
  return Mount.scanned(workspace, [...origins, ...flags]);
}

/** Opens `track`, reads a little, lets `change` happen, reads the rest past all caches. */
async function readAcross(workspace: Workspace, change: () => void) {
  const script = `exec 3< "$1/track"; dd bs=64k count=1 status=none <&3; echo > "$2/begun"
while test -e "$2/begun"; do sleep 0.02; done; cat <&3`;
  const begun = workspace.path("begun");
  const done = workspace.run(["sh", "-c", script, "sh", workspace.mountPoint, workspace.root]);
  await eventually("it was read so far", () => existsSync(begun));
  change();
  await must(["sh", "-c", "sync; echo 1 > /proc/sys/vm/drop_caches"]);
  rmSync(begun);
  return await done;
}

/** The preferred origin is on a file system of its own: the kernel passes nothing through to an overlay. */
async function planted() {
  const stack = new AsyncDisposableStack();
  const workspace = stack.use(new Workspace("passthrough"));
  const disk = workspace.directory("disk");
  await must(["mount", "-t", "tmpfs", "tmpfs", disk]);
  stack.defer(async () => void (await run(["umount", "-l", disk])));
  workspace.file("disk/track", OLD);
  workspace.file("backup/track", OLD);
  const mount = stack.use(await mounted(workspace));
  return { stack, workspace, mount };
}

describe("a file that is passed through", () => {
  test("is read without a request, byte for byte", async () => {
    const { stack, workspace, mount } = await planted();
    await using _all = stack;
    expect((await workspace.shell('cat "$1/track"')) === OLD).toBe(true);
    expect(await mount.stop()).toBe(0);
    const [requests = ""] = mount.lines('"message":"requests of the kernel"');
    expect(requests).toContain('"OPEN":1');
    expect(requests).not.toContain('"READ"');
  });

  test("shows an edit in place to those who have it open", async () => {
    const { stack, workspace, mount } = await planted();
    await using _all = stack;
    const { code, stdout } = await readAcross(workspace, () => {
      writeFileSync(workspace.path("disk/track"), NEW);
    });
    const begun = 65_536;
    expect([code, stdout === OLD.slice(0, begun) + NEW.slice(begun)]).toEqual([0, true]);
    // Who opens it now has the new version from its first byte on.
    expect((await workspace.shell('cat "$1/track"')) === NEW).toBe(true);
    expect(await mount.stop()).toBe(0);
  });

  test("ends early for those who have it open when it is cut short", async () => {
    const { stack, workspace, mount } = await planted();
    await using _all = stack;
    const half = SIZE / 2;
    const { code, stdout } = await readAcross(workspace, () => {
      truncateSync(workspace.path("disk/track"), half);
    });
    expect([code, stdout === OLD.slice(0, half)]).toEqual([0, true]);
    expect(await workspace.shell('cat "$1/track" | wc -c; stat -c %s "$1/track"')).toBe(
      `${half}\n${half}\n`,
    );
    expect(await mount.stop()).toBe(0);
  });

  test("that is removed reads on to its own end", async () => {
    const { stack, workspace, mount } = await planted();
    await using _all = stack;
    const { code, stdout } = await readAcross(workspace, () => {
      rmSync(workspace.path("disk/track"));
    });
    expect([code, stdout === OLD]).toEqual([0, true]);
    expect(await mount.stop()).toBe(0);
  });
});
