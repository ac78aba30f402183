import { describe, expect, test } from "bun:test";
import { keepsInodes, placementOf } from "../../../../src/core/origins/disk/placement.ts";
import { type MountInfo, parseMountInfo } from "../../../../src/core/sys/mountinfo.ts";

const MOUNTS = parseMountInfo(
  Buffer.from(
    [
      "1 0 8:1 / / rw - ext4 /dev/sda1 rw",
      "2 1 0:50 / /mnt/nas rw - nfs4 server:/music rw",
      "3 1 8:17 / /mnt/usb rw - vfat /dev/sdb1 rw",
      "4 1 0:51 / /auto rw - autofs systemd-1 rw",
      "5 3 0:52 / /mnt/usb/cloud rw - fuse.rclone remote: rw",
    ].join("\n"),
  ),
);

const LINKS: Readonly<Record<string, string>> = {
  "/music": "/mnt/nas/albums",
  "/home/me/music": "../../music",
  "/home/me/disk": "/mnt/usb/./music/../songs",
  "/loop": "loop",
};

function place(path: string) {
  const touched: string[] = [];
  const readLink = (at: string) => {
    touched.push(at);
    return LINKS[at];
  };
  return { type: placementOf(path, { mounts: MOUNTS, readLink })?.type, touched };
}

describe("placementOf", () => {
  test("finds the mount of a path", () => {
    expect(place("/srv/music").type).toBe("ext4");
    expect(place("/").type).toBe("ext4");
    expect(place("/mnt/usb/music").type).toBe("vfat");
    expect(place("/mnt/nas/albums").type).toBe("nfs4");
    expect(place("/mnt/usb/cloud/x").type).toBe("fuse.rclone");
    expect(place("/mnt/nasty").type).toBe("ext4");
  });

  test("touches nothing on a file system that may hang, nor an automounter's directory", () => {
    expect(place("/mnt/nas/albums/one").touched).toEqual(["/mnt"]);
    expect(place("/auto/share/music")).toEqual({ type: "autofs", touched: [] });
  });

  test("follows symbolic links to where a path leads", () => {
    expect(place("/music")).toEqual({ type: "nfs4", touched: ["/music", "/mnt"] });
    expect(place("/home/me/music").type).toBe("nfs4");
    expect(place("/home/me/disk").type).toBe("vfat");
    expect(place("/home/me/disk/../cloud").type).toBe("fuse.rclone");
    expect(place("/../mnt/nas").type).toBe("nfs4");
  });

  test("gives up on links that lead in a circle", () => {
    expect(place("/loop").type).toBe("ext4");
  });

  test("knows this machine's own root", () => {
    expect(placementOf("/")).toBeDefined();
  });
});

describe("keepsInodes", () => {
  test("trusts NFS's inode numbers, and none that a client makes up", () => {
    const of = (type: string) => keepsInodes({ type } as MountInfo);
    expect(["nfs", "nfs4", "ceph"].map(of)).toEqual([true, true, true]);
    expect(["cifs", "smb3", "fuse.sshfs", "fuse", "9p"].some(of)).toBeFalse();
  });
});
