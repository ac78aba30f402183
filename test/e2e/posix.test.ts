/** The POSIX suite on a plain directory and on the mount, with equal results. */

import { chmodSync } from "node:fs";
import { type PosixSubject, plantTree, posixSuite } from "../suites/posix.ts";
import { needing } from "../support/needs.ts";
import { Mount, must, Workspace } from "./support/musicfs.ts";

/** A workspace with the suite's tree as `disk`. */
function planted(): Workspace {
  const workspace = new Workspace("posix");
  plantTree(workspace.directory("disk"));
  return workspace;
}

async function readOnlyDirectory(): Promise<PosixSubject> {
  const workspace = planted();
  const root = workspace.mountPoint;
  await must(["mount", "--bind", workspace.path("disk"), root]);
  await must(["mount", "-o", "remount,bind,ro", root]);
  return {
    root,
    async [Symbol.asyncDispose]() {
      await must(["umount", root]);
      workspace[Symbol.dispose]();
    },
  };
}

/** The way in which its origin's files are mounted: flags of `mount`. */
type How = (workspace: Workspace) => readonly string[];

const localDisk: How = (workspace) => Mount.origins(workspace.path("disk"));

/** Programs read its files past the kernel's page cache. */
const cachedShare: How = (workspace) =>
  workspace.config(`
[[origins]]
id = "share"
origin_type = "smb"
path = "${workspace.path("disk")}"
require_mount = false
cache = true
`);

async function mounted(how: How, ...flags: readonly string[]): Promise<PosixSubject> {
  const workspace = planted();
  chmodSync(workspace.mountPoint, 0o755);
  const mount = await Mount.scanned(workspace, [...how(workspace), "--allow-other", ...flags]);
  return {
    root: workspace.mountPoint,
    async [Symbol.asyncDispose]() {
      await mount[Symbol.asyncDispose]();
      workspace[Symbol.dispose]();
    },
  };
}

needing("root").describe("a plain directory", () => {
  posixSuite("a read-only directory", readOnlyDirectory);
});

needing("root", "fuse").describe("the mount", () => {
  posixSuite("the mount", () => mounted(localDisk));
  posixSuite("the mount in passthrough mode", () => mounted(localDisk, "--passthrough", "all"));
  posixSuite("the mount of a cached share", () => mounted(cachedShare));
});
