/** The version token of a file on a local disk. */

import type { StatxView } from "../../sys/statx.ts";

/**
 * ctime changes with every write and cannot be set back by a program; with the inode (a replaced
 * file) and mtime (what people see) it tells any two versions apart, up to the clock's tick. The
 * device is left out: a disk may get another number at the next boot.
 */
export function localToken(stat: StatxView): string {
  return `${stat.inode}:${stat.ctimeSec}.${stat.ctimeNsec}:${stat.mtimeSec}.${stat.mtimeNsec}`;
}

/**
 * For file systems that make inode numbers up at every mount, or answer mtime for ctime (SMB, most
 * of FUSE): mtime alone. An edit that keeps size and mtime goes unseen.
 */
export function weakToken(stat: StatxView): string {
  return `${stat.mtimeSec}.${stat.mtimeNsec}`;
}
