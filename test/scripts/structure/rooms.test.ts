import { describe, expect, test } from "bun:test";
import { checkRooms, roomOf } from "../../../scripts/structure/rooms.ts";

/** What the check says of one file with one import. */
function findings(path: string, statement: string): readonly string[] {
  return checkRooms(new Map([[path, `${statement}\n`]])).map(({ what }) => what);
}

describe("roomOf()", () => {
  test.each([
    ["src/main.ts", "main"],
    ["src/commands/mount.ts", "commands"],
    ["src/core/errors.ts", "core"],
    ["src/core/fuse/handlers/read.ts", "fuse"],
    ["src/stray.ts", undefined],
    ["test/core/x.test.ts", undefined],
  ])("%s: %p", (path, room) => {
    expect(roomOf(path)).toBe(room as string);
  });
});

describe("checkRooms()", () => {
  test.each([
    ["src/core/vfs/a.ts", 'import { x } from "../catalog/store.ts";'],
    ["src/core/federation/a.ts", 'import type { X } from "../sync/scan.ts";'],
    ["src/core/origins/a.ts", 'import { x } from "../config/config.ts";'],
    ["src/core/mount/a.ts", 'import { x } from "../threads/spawn.ts";'],
    ["src/commands/a.ts", 'import { Command } from "commander";'],
    ["src/commands/a.ts", 'import { version } from "../../package.json";'],
    ["src/commands/a.ts", 'import { x } from "../core/mount/library.ts";'],
    ["src/tui/a.tsx", 'import { x } from "../core/control/client.ts";'],
    ["src/core/sys/libc.ts", 'import { dlopen } from "bun:ffi";'],
    ["src/core/fuse/device_memory.ts", 'import { ptr } from "bun:ffi";'],
    ["src/core/events.ts", 'import type { OriginId } from "./origins/origin.ts";'],
    ["src/core/catalog/catalog.ts", 'import type { OriginId } from "../origins/origin.ts";'],
  ])("allows %s: %s", (path, statement) => {
    expect(findings(path, statement)).toEqual([]);
  });

  test.each([
    ["src/core/catalog/a.ts", 'import type { X } from "../vfs/x.ts";', "vfs"],
    ["src/core/origins/a.ts", 'import { x } from "../catalog/store.ts";', "catalog"],
    ["src/core/fuse/a.ts", 'import { x } from "../catalog/store.ts";', "catalog"],
    ["src/core/errors.ts", 'import { x } from "./sys/errno.ts";', "sys"],
    ["src/core/vfs/a.ts", 'export * from "../../commands/mount.ts";', "commands"],
    ["src/core/threads/a.ts", 'import { x } from "../mount/library.ts";', "mount"],
    ["src/tui/a.tsx", 'import { x } from "../core/federation/router.ts";', "federation"],
    ["src/core/catalog/catalog.ts", 'import { x } from "../config/config.ts";', "contract"],
    ["src/core/config/a.ts", 'import { Command } from "commander";', "commander"],
    ["src/core/control/a.ts", 'import { render } from "ink";', "ink"],
    ["src/core/vfs/a.ts", 'import { dlopen } from "bun:ffi";', "bun:ffi"],
    ["src/core/vfs/a.ts", 'import { x } from "../../../scripts/x.ts";', "no room"],
    ["src/core/shed/a.ts", "", "no known room"],
  ])("refuses %s: %s", (path, statement, reason) => {
    const [what, ...more] = findings(path, statement);
    expect(what).toContain(reason);
    expect(more).toEqual([]);
  });
});
