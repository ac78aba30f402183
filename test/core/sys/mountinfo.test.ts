import { describe, expect, test } from "bun:test";
import {
  mayHang,
  mountAt,
  mountOf,
  parseMountInfo,
  readMountInfo,
} from "../../../src/core/sys/mountinfo.ts";

const TABLE = Buffer.concat([
  Buffer.from("27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"),
  Buffer.from(
    "30 27 0:40 / /mnt/my\\040music\\134x ro,nosuid shared:5 master:2 - fuse.musicfs musicfs ro\n",
  ),
  Buffer.from("31 27 0:41 / /mnt/l"),
  Buffer.from([0xe4]),
  Buffer.from("tin rw - nfs4 nas:/a\\011b rw,addr=10.0.0.1\n"),
  Buffer.from("32 27 0:42 / /mnt rw - tmpfs tmpfs rw\n"),
  Buffer.from("33 32 0:43 / /mnt rw - ext4 /dev/vdb rw\n"),
  Buffer.from("a line of another kind\n\n"),
  Buffer.from(
    "35 x 0:44 / /mnt rw - tmpfs tmpfs rw\n     -  \n36 27 0:45 / mnt rw - tmpfs tmpfs rw\n",
  ),
]);

describe("parseMountInfo()", () => {
  const mounts = parseMountInfo(TABLE);

  test("reads the fields, with and without optional ones", () => {
    expect(mounts.map(({ id }) => id)).toEqual([27, 30, 31, 32, 33]);
    expect(mounts[1]).toEqual({
      id: 30,
      parentId: 27,
      major: 0,
      minor: 40,
      mountPoint: "/mnt/my music\\x",
      type: "fuse.musicfs",
      source: "musicfs",
    });
  });

  test("keeps bytes that are not UTF-8", () => {
    expect(mounts[2]).toMatchObject({ mountPoint: "/mnt/l\xe4tin", source: "nas:/a\tb" });
  });

  test("reads this machine's table", () => {
    expect(readMountInfo().some(({ mountPoint }) => mountPoint === "/proc")).toBe(true);
  });
});

describe("mountAt()", () => {
  test("finds the topmost mount of exactly that path", () => {
    const mounts = parseMountInfo(TABLE);
    expect(mountAt(mounts, "/mnt")?.id).toBe(33);
    expect(mountAt(mounts, "/mnt/my music\\x")?.id).toBe(30);
    expect(mountAt(mounts, "/mnt/my")).toBeUndefined();
  });
});

describe("mountOf()", () => {
  test("finds the mount below which a path lies", () => {
    const mounts = parseMountInfo(TABLE);
    expect(mountOf(mounts, "/srv/music")?.id).toBe(27);
    expect(mountOf(mounts, "/mnt/other")?.id).toBe(33);
    expect(mountOf(mounts, "/mntx")?.id).toBe(27);
    expect(mountOf(mounts, "/mnt/my music\\x/a/b")?.id).toBe(30);
    expect(mountOf([], "/")).toBeUndefined();
  });
});

describe("mayHang()", () => {
  test.each([
    ["nfs4", true],
    ["cifs", true],
    ["fuse.sshfs", true],
    ["fuse", true],
    ["fuseblk", true],
    ["ext4", false],
    ["autofs", true],
    ["tmpfs", false],
  ])("%s: %p", (type, expected) => {
    expect(mayHang(type)).toBe(expected);
  });
});
