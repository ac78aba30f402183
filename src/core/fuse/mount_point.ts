/** What a directory must be to be mounted on. Nothing here touches a mount that may hang. */

import { accessSync, constants, opendirSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { messageOf, OwnError } from "../errors.ts";
import { type MountInfo, mayHang, mountAt, readMountInfo } from "../sys/mountinfo.ts";
import { notOwned } from "./remedies.ts";

/** Our mounts' type in the mount table; no other mount is ever touched. */
export const FILE_SYSTEM_TYPE = "fuse.musicfs";

/** As in the kernel (MAXSYMLINKS). */
const MAX_LINKS = 40;

/**
 * The path as the mount table has it: absolute, without symbolic links. What is mounted on it is not
 * asked. Throws `mount` when a directory above it is missing or may not be entered.
 */
export function canonicalMountPoint(path: string): string {
  const absolute = resolve(path);
  try {
    return followed(absolute, readMountInfo(), 0);
  } catch (error) {
    throw error instanceof OwnError ? error : unusable(absolute, error);
  }
}

/** As realpath(3), but a last name that something is mounted on is taken as it is. */
function followed(path: string, mounts: readonly MountInfo[], links: number): string {
  if (path === "/") return path;
  const direct = join(realpathSync(dirname(path)), basename(path));
  if (mountAt(mounts, direct) !== undefined) return direct;
  const target = linkTarget(direct);
  if (target === undefined) return direct;
  if (links === MAX_LINKS) throw new OwnError("mount", `${path}: too many symbolic links`);
  return followed(resolve(dirname(direct), target), mounts, links + 1);
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isErrno(error, "EINVAL")) return undefined;
    throw error;
  }
}

/** The MusicFS mount on `mountPoint` (canonical), if there is one. */
export function musicfsMountAt(mountPoint: string): MountInfo | undefined {
  const mount = mountAt(readMountInfo(), mountPoint);
  return mount?.type === FILE_SYSTEM_TYPE ? mount : undefined;
}

/** Throws `mount` with the remedy unless `mountPoint` (canonical) can be mounted on. */
export function checkMountPoint(mountPoint: string): void {
  const mount = mountAt(readMountInfo(), mountPoint);
  if (mount?.type === FILE_SYSTEM_TYPE) {
    throw new OwnError(
      "mount",
      `MusicFS is already mounted on ${mountPoint}: musicfs unmount ${mountPoint} ends it`,
    );
  }
  // An automount point is there to be mounted on, and looking into it would trigger it.
  if (mount?.type === "autofs") return;
  if (mount !== undefined && mayHang(mount.type)) {
    throw new OwnError(
      "mount",
      `a file system of type ${mount.type} is mounted on ${mountPoint}: unmount it or choose another`,
    );
  }
  try {
    checkDirectory(mountPoint);
  } catch (error) {
    throw error instanceof OwnError ? error : unusable(mountPoint, error);
  }
}

function checkDirectory(mountPoint: string): void {
  const stat = statSync(mountPoint);
  if (!stat.isDirectory()) {
    throw new OwnError("mount", `the mount point ${mountPoint} is not a directory`);
  }
  using directory = opened(mountPoint);
  if (directory.readSync() !== null) {
    throw new OwnError(
      "mount",
      `the mount point ${mountPoint} is not empty: its files would be hidden; choose an empty directory`,
    );
  }
  const uid = process.getuid?.();
  if (uid !== 0 && uid !== stat.uid && !isWritable(mountPoint)) throw notOwned(mountPoint);
}

function opened(path: string) {
  const directory = opendirSync(path);
  return {
    readSync: () => directory.readSync(),
    [Symbol.dispose]: () => directory.closeSync(),
  };
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function unusable(mountPoint: string, error: unknown): OwnError {
  return new OwnError("mount", `the mount point ${mountPoint} ${reason(mountPoint, error)}`, {
    cause: error,
  });
}

function reason(mountPoint: string, error: unknown): string {
  if (isErrno(error, "ENOENT")) return `does not exist: mkdir -p ${mountPoint} makes it`;
  if (isErrno(error, "ENOTDIR")) return "is not a directory, or lies below a file";
  if (isErrno(error, "EACCES")) return "may not be entered by this user";
  return `cannot be used: ${messageOf(error)}`;
}

function isErrno(error: unknown, name: string): boolean {
  return error instanceof Error && "code" in error && error.code === name;
}
