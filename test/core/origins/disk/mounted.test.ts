import { describe, expect, test } from "bun:test";
import { checkMounted, notMounted } from "../../../../src/core/origins/disk/mounted.ts";
import { type MountInfo, parseMountInfo } from "../../../../src/core/sys/mountinfo.ts";

const MOUNTS: readonly MountInfo[] = parseMountInfo(
  Buffer.from(
    [
      "1 0 8:1 / / rw - ext4 /dev/sda1 rw",
      "2 1 0:50 / /mnt/nas rw - nfs4 server:/music rw",
      "3 1 8:17 / /mnt/usb rw - vfat /dev/sdb1 rw",
      "4 1 0:51 / /mnt/auto rw - autofs systemd-1 rw",
      "5 1 0:52 / /mnt/triggered rw - autofs systemd-1 rw",
      "6 5 0:53 / /mnt/triggered rw - cifs //server/share rw",
      "7 1 0:54 / /mnt/musicfs rw - fuse.musicfs musicfs rw",
      "8 1 0:55 / /mnt/with\\040space rw - fuse.sshfs host: rw",
    ].join("\n"),
  ),
);

describe("notMounted", () => {
  const why = (path: string) => notMounted(MOUNTS, path, path);

  test("accepts the mount point of a network or FUSE file system", () => {
    expect(why("/mnt/nas")).toBeUndefined();
    expect(why("/mnt/triggered")).toBeUndefined();
    expect(why("/mnt/with space")).toBeUndefined();
  });

  test("says why anything else is not a mounted share, and what to do", () => {
    const messages = {
      "/mnt/other": "nothing is mounted at /mnt/other",
      "/mnt/usb": "holds a disk (vfat)",
      "/mnt/usb/music": "nothing is mounted",
      "/mnt/nas/music": "lies within the share at /mnt/nas",
      "/mnt/auto": "the automounter mounted nothing",
      "/mnt/musicfs": "a mount of MusicFS itself",
    };
    for (const [path, message] of Object.entries(messages)) {
      const failure = why(path);
      expect(failure?.code).toBe("not_mounted");
      expect(failure?.message).toContain(message);
    }
    expect(why("/mnt/other")?.message).toContain("require_mount = false");
  });
});

describe("checkMounted", () => {
  test("goes by the directory that is open, not by the path that led to it", () => {
    // Standard input is no mount point, whatever the path is called.
    expect(() => checkMounted(0, "/mnt/nas")).toThrow("mount");
  });
});
