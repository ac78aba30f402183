import { mayHang, mountAt, mountOf, parseMountInfo } from "../../../src/core/sys/mountinfo.ts";
import { type FuzzTarget, fuzzed, must } from "../target.ts";

const TABLE = `22 27 0:20 / /proc rw,nosuid shared:12 - proc proc rw
27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
60 27 0:44 / /mnt/my\\040music ro - nfs4 nas:/music rw,vers=4.2
61 27 0:45 / /srv/b\\303\\266se\\134x rw master:2 propagate_from:3 - fuse.musicfs musicfs ro
62 27 0:46 /sub //odd rw -  - cifs //nas/share rw
`;

/** Mount tables name paths that others chose; whatever they are, somebody's paths are found or not. */
export const mountinfo: FuzzTarget = {
  name: "mountinfo",
  seeds: [Buffer.from(TABLE)],
  tokens: [" - ", " ", "\n", "\\040", "\\134", "\\777", "/", "0:44", "shared:1", "fuse.", "nfs"],
  smokeInputs: 10_000,
  start: () =>
    fuzzed((input) => {
      const mounts = parseMountInfo(input);
      for (const { id, parentId, major, minor, mountPoint, type } of mounts) {
        must([id, parentId, major, minor].every(Number.isInteger), "a number is none");
        must(mountPoint.startsWith("/"), `mounted at ${mountPoint}`);
        mayHang(type);
      }
      for (const path of ["/", "/mnt/my music/album", "/srv", "/proc/self"]) {
        const on = mountOf(mounts, path);
        must(on === undefined || mounts.includes(on), "a mount from elsewhere");
        mountAt(mounts, path);
      }
    }),
};
