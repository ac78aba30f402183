/** Whether the directory that was opened is the share, or the empty directory beneath it. */

import { readlinkSync } from "node:fs";
import { type MountInfo, mayHang, mountAt, mountOf, readMountInfo } from "../../sys/mountinfo.ts";
import { DiskFailure } from "./failure.ts";
import type { RootCheck } from "./root.ts";

/** The type of our own mounts. */
export const MUSICFS_TYPE = "fuse.musicfs";

/**
 * Throws `not_mounted` unless the open directory is the mount point of a network or FUSE file
 * system. Asked after the open, which makes an automounter mount the share.
 */
export const checkMounted: RootCheck = (fd, path) => {
  const failure = notMounted(readMountInfo(), readlinkSync(`/proc/self/fd/${fd}`), path);
  if (failure !== undefined) throw failure;
};

/** Why `opened`, which `path` led to, is not a mounted share; undefined when it is one. */
export function notMounted(
  mounts: readonly MountInfo[],
  opened: string,
  path: string,
): DiskFailure | undefined {
  const at = mountAt(mounts, opened);
  const remedy = "or set require_mount = false";
  const refuse = (why: string) => new DiskFailure("not_mounted", why);
  if (at?.type === MUSICFS_TYPE) return refuse(`${path} is a mount of MusicFS itself`);
  if (at?.type === "autofs") return refuse(`the automounter mounted nothing at ${path}`);
  if (at !== undefined) {
    if (mayHang(at.type)) return undefined;
    return refuse(`${path} holds a disk (${at.type}) and no share; mount the share ${remedy}`);
  }
  const on = mountOf(mounts, opened);
  if (on === undefined || !mayHang(on.type)) {
    return refuse(`nothing is mounted at ${path}; mount the share ${remedy}`);
  }
  const mountPoint = Buffer.from(on.mountPoint, "latin1").toString();
  return refuse(`${path} lies within the share at ${mountPoint}; give that path ${remedy}`);
}
