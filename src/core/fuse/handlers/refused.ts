/** Operations that are answered without looking at them. */

import { EINVAL, ENOSYS, ENOTTY, EROFS } from "../../sys/errno.ts";
import type { Result } from "../filesystem.ts";

/** Everything that modifies: the mount is read-only. */
export function readOnly(): Result {
  return -EROFS;
}

/** The kernel takes care of it itself, and of some operations asks no second time. */
export function notImplemented(): Result {
  return -ENOSYS;
}

/** Nothing is ever unwritten, so syncing is done. */
export function nothingToDo(): Result {
  return 0;
}

/** READLINK: the tree has no symbolic links. */
export function notALink(): Result {
  return -EINVAL;
}

/** IOCTL: what the kernel itself says of files that know no such request. */
export function noSuchIoctl(): Result {
  return -ENOTTY;
}
