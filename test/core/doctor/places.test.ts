/** The cache's disk, sockets and mount point. */

import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Surroundings } from "../../../src/core/config/paths.ts";
import { checkCache } from "../../../src/core/doctor/cache_check.ts";
import { thisMachine } from "../../../src/core/doctor/machine.ts";
import { checkPlace } from "../../../src/core/doctor/mount_point_check.ts";
import { checkSockets } from "../../../src/core/doctor/sockets_check.ts";
import { config, machine, NOW_MS, USER } from "./made_up_machine.ts";

const GIB = 1024 ** 3;

let root: string | undefined;
afterEach(() => {
  if (root !== undefined) rmSync(root, { recursive: true, force: true });
  root = undefined;
});

function directory(): string {
  root ??= mkdtempSync(join(tmpdir(), "musicfs-doctor-"));
  return root;
}

describe("checkCache()", () => {
  const plain = config({ cache_dir: "/var/cache/musicfs" });
  const state = (over: object) => () => ({
    ...{ isDirectory: true, uid: USER, mode: 0o40700, mtimeMs: NOW_MS },
    ...over,
  });

  test("is content with a directory of one's own on a disk with room", () => {
    expect(checkCache(machine(), USER, plain)).toEqual([
      {
        check: "cache",
        status: "ok",
        message: "/var/cache/musicfs, with 100 GiB free on its disk",
      },
    ]);
  });

  test.each([
    ["a disk that needs a server", { fileSystem: "nfs4" }, "problem", "nfs4", "a local disk"],
    ["memory", { fileSystem: "tmpfs" }, "warning", "forgotten", "on a disk"],
    ["another user's directory", { state: state({ uid: 7 }) }, "problem", "user 7", "chown 1000"],
    ["an open directory", { state: state({ mode: 0o40755 }) }, "warning", "open to", "chmod 700"],
    ["a file", { state: state({ isDirectory: false }) }, "problem", "not a directory", "remove it"],
    ["a read-only disk", { isWritable: () => false }, "problem", "cannot be written", "writable"],
    [
      "a full disk",
      { space: () => ({ freeBytes: GIB / 2, sizeBytes: 200 * GIB }) },
      "warning",
      "nothing new is kept",
      "free some",
    ],
    [
      "a disk smaller than the budget",
      { space: () => ({ freeBytes: 4 * GIB, sizeBytes: 5 * GIB }) },
      "warning",
      "more (10 GiB) than the whole disk",
      "content_cache_gb",
    ],
  ] as const)("tells of %s", (_, sick, status, said, remedy) => {
    expect(checkCache(machine(sick), USER, plain)).toMatchObject([
      { status, message: expect.stringContaining(said), remedy: expect.stringContaining(remedy) },
    ]);
  });

  test("a directory to be made is looked at where it would be", () => {
    const only = (path: string) => (path === "/var" ? state({ uid: 0 })() : undefined);
    expect(checkCache(machine({ state: only }), USER, plain)).toMatchObject([
      { status: "problem", message: expect.stringContaining("cannot be made: /var belongs to") },
    ]);
    expect(checkCache(machine({ state: only }), 0, plain)).toMatchObject([{ status: "ok" }]);
  });
});

describe("checkSockets()", () => {
  const around = (): Surroundings => ({
    env: { XDG_RUNTIME_DIR: join(directory(), "run"), XDG_CACHE_HOME: directory() },
    ...{ uid: process.geteuid?.() ?? 0, home: directory(), workingDirectory: "/" },
  });

  test("is content where no mount ran yet", async () => {
    const found = await checkSockets(thisMachine, around());
    expect(found).toMatchObject([{ check: "sockets", status: "ok" }]);
  });

  test("a directory that others may use is a problem", async () => {
    const sockets = join(directory(), "run/musicfs");
    mkdirSync(sockets, { recursive: true });
    chmodSync(sockets, 0o755);
    expect(await checkSockets(thisMachine, around())).toMatchObject([
      {
        status: "problem",
        message: expect.stringContaining("other users may use it"),
        remedy: expect.stringContaining(sockets),
      },
    ]);
  });

  test("a directory that this user cannot make is a problem", async () => {
    const elsewhere = { ...around(), uid: USER, env: { XDG_RUNTIME_DIR: "/run/no/such" } };
    expect(await checkSockets(thisMachine, elsewhere)).toMatchObject([
      { status: "problem", remedy: expect.stringContaining("XDG_RUNTIME_DIR") },
    ]);
  });
});

describe("checkPlace()", () => {
  const around: Surroundings = { env: {}, uid: USER, home: "/nowhere", workingDirectory: "/" };

  test("is content with an empty directory, and with nothing else", async () => {
    const empty = join(directory(), "empty");
    mkdirSync(empty);
    const place = (mount_point: string) => checkPlace(config({ mount_point }), around);
    expect(await place(empty)).toMatchObject([{ check: "mount_point", status: "ok" }]);
    writeFileSync(join(empty, "file"), "");
    for (const [path, said] of [
      [empty, "not empty"],
      [join(empty, "file"), "is not a directory"],
      [join(empty, "none"), "does not exist: mkdir -p"],
    ] as const) {
      expect(await place(path)).toMatchObject([
        {
          status: "problem",
          message: expect.stringContaining(said),
          remedy: expect.stringContaining("mount_point"),
        },
      ]);
    }
  });
});
