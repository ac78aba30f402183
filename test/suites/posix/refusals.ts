/** Every call that would change something fails with EROFS, and has changed nothing. */

import { expect, test } from "bun:test";
import { EEXIST, ENOENT, EROFS } from "../../../src/core/sys/errno.ts";
import type { SystemCalls } from "./system_calls.ts";

const AT_FDCWD = -100;
const AT_REMOVEDIR = 0x200;
const S_IFIFO = 0o010000;
const S_IFREG = 0o100000;
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;

const CALLS: readonly (readonly [string, ...(readonly (string | number)[])])[] = [
  ["mkdir", "new", 0o755],
  ["mkdir", "a/new", 0o755],
  ["mknod", "new", S_IFREG | 0o644, 0],
  ["mknod", "new", S_IFIFO | 0o644, 0],
  ["mkfifo", "new", 0o644],
  ["symlink", "file", "new"],
  ["link", "file", "new"],
  ["unlink", "file"],
  ["unlinkat", AT_FDCWD, "nothing", AT_REMOVEDIR],
  ["rmdir", "nothing"],
  ["rmdir", "a"],
  ["rename", "file", "new"],
  ["rename", "file", "empty"],
  ["rename", "a", "new"],
  ["rename", "a/b", "b"],
  ["renameat2", AT_FDCWD, "file", AT_FDCWD, "new", RENAME_NOREPLACE],
  ["renameat2", AT_FDCWD, "file", AT_FDCWD, "empty", RENAME_EXCHANGE],
  ["chmod", "file", 0o777],
  ["chmod", "a", 0o777],
  ["fchmodat", AT_FDCWD, "file", 0o777, 0],
  ["chown", "file", 1, 1],
  ["lchown", "a", 1, 1],
  ["truncate", "file", 0],
  ["truncate", "file", 1_000_000],
  ["utimensat", AT_FDCWD, "file", 0, 0],
  ["utimensat", AT_FDCWD, "a", 0, 0],
  ["setxattr", "file", "user.new", "value", 5, 0],
  ["lsetxattr", "a", "user.new", "value", 5, 0],
  ["removexattr", "file", "user.new"],
];

export function refusals(given: () => SystemCalls): void {
  test.each(CALLS.map((call) => [call.join(" "), call] as const))(
    "%s is refused with EROFS",
    async (_, call) => {
      expect(await given().call(...call)).toBe(-EROFS);
    },
  );

  test("making what is there already says so", async () => {
    const sys = given();
    expect(await sys.call("mkdir", "a", 0o755)).toBe(-EEXIST);
    expect(await sys.call("symlink", "file", "empty")).toBe(-EEXIST);
    expect(await sys.call("mkdir", "missing/new", 0o755)).toBe(-ENOENT);
  });

  test("after all that the tree is what it was", async () => {
    const sys = given();
    expect(await sys.lstat("new")).toBe(-ENOENT);
    const names = (await sys.list(".")).map(({ name }) => Buffer.from(name).toString());
    expect(names.sort()).toEqual(
      "a closed empty file group's many names nothing passage program secret sparse times".split(
        " ",
      ),
    );
  });
}
