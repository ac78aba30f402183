/** Unmounting: umount2(2) as root, fusermount3 otherwise. */

import { OwnError } from "../errors.ts";
import { MNT_DETACH } from "../sys/arch.ts";
import { cString, libc } from "../sys/libc.ts";
import { mountAt, readMountInfo } from "../sys/mountinfo.ts";
import { fuserunmount } from "./fusermount.ts";
import { canonicalMountPoint, FILE_SYSTEM_TYPE } from "./mount_point.ts";
import { explainUnmount, notMounted } from "./remedies.ts";

export interface UnmountOptions {
  /**
   * Detach at once, even while it is in use: new accesses no longer find it, open files go on until
   * they are closed. Default false.
   */
  readonly lazy?: boolean;
}

/** linux/fs.h: a symbolic link that has taken the mount point's place is not followed. */
const UMOUNT_NOFOLLOW = 8;

/**
 * Throws `busy` when the mount is in use, `mount` when nothing is mounted there, or something that is
 * not MusicFS's, or it is not permitted.
 */
export async function unmount(path: string, options: UnmountOptions = {}): Promise<void> {
  const mountPoint = canonicalMountPoint(path);
  const mount = mountAt(readMountInfo(), mountPoint);
  if (mount === undefined) throw notMounted(mountPoint);
  if (mount.type !== FILE_SYSTEM_TYPE) {
    throw new OwnError("mount", `${mountPoint} is a mount of type ${mount.type}, not MusicFS's`);
  }
  const lazy = options.lazy ?? false;
  if (process.getuid?.() !== 0) return fuserunmount(mountPoint, lazy);
  const target = cString(mountPoint);
  const flags = UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0);
  const result = libc().umount2(target.address, flags);
  if (result < 0) throw explainUnmount(result, mountPoint);
}
