/** Mounting: mount(2) as root, fusermount3 otherwise. */

import { OwnError } from "../errors.ts";
import { O_CLOEXEC, O_RDWR } from "../sys/arch.ts";
import { cString, libc } from "../sys/libc.ts";
import { cleanUpDeadMount } from "./dead_mount.ts";
import { fusermount } from "./fusermount.ts";
import {
  canonicalMountPoint,
  checkMountPoint,
  FILE_SYSTEM_TYPE,
  musicfsMountAt,
} from "./mount_point.ts";
import { explainDevice, explainMount } from "./remedies.ts";

export interface MountOptions {
  /** An empty directory. */
  readonly mountPoint: string;
  /** Other users see the mount too, by the modes of its files. As an ordinary user it needs user_allow_other. */
  readonly allowOther: boolean;
}

export interface Mounted {
  /**
   * The device: blocking, close-on-exec, the caller's to close. Nothing has been read from it; until
   * INIT is answered every access to the mount point waits.
   */
  readonly fd: number;
  /** Absolute, without symbolic links, as the mount table has it. */
  readonly mountPoint: string;
  /** The connection's number, for `abortConnection` and `raiseReadahead`. */
  readonly connection: number;
}

/** In the mount table's first column, where others show a device. */
const SOURCE = "musicfs";

/** linux/mount.h */
const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;

/** `rootmode` of a directory, in octal as the option wants it. */
const ROOT_MODE = "40000";

/**
 * Mounts, after removing a dead MusicFS mount that a killed process has left there. Throws `mount`
 * that says what to do about it. Whether the mount point lies inside an origin is the caller's to
 * check. default_permissions always: the kernel checks modes, whoever asks.
 */
export async function mount(options: MountOptions): Promise<Mounted> {
  const mountPoint = canonicalMountPoint(options.mountPoint);
  await cleanUpDeadMount(mountPoint);
  checkMountPoint(mountPoint);
  const access = ["default_permissions", ...(options.allowOther ? ["allow_other"] : [])];
  const fd =
    process.getuid?.() === 0
      ? mountAsRoot(mountPoint, access)
      : await fusermount(mountPoint, [
          `fsname=${SOURCE}`,
          `subtype=${FILE_SYSTEM_TYPE.replace("fuse.", "")}`,
          "ro",
          "nosuid",
          "nodev",
          ...access,
        ]);
  const entry = musicfsMountAt(mountPoint);
  if (entry === undefined) {
    libc().close(fd);
    throw new OwnError("mount", `${mountPoint} was unmounted by someone else while it was mounted`);
  }
  return { fd, mountPoint, connection: entry.minor };
}

function mountAsRoot(mountPoint: string, access: readonly string[]): number {
  const fd = libc().open(cString("/dev/fuse").address, O_RDWR | O_CLOEXEC);
  if (fd < 0) throw explainDevice(fd);
  const data = [`fd=${fd}`, `rootmode=${ROOT_MODE}`, "user_id=0", "group_id=0", ...access];
  const source = cString(SOURCE);
  const target = cString(mountPoint);
  const type = cString(FILE_SYSTEM_TYPE);
  const text = cString(data.join(","));
  const result = libc().mount(
    source.address,
    target.address,
    type.address,
    MS_RDONLY | MS_NOSUID | MS_NODEV,
    text.address,
  );
  if (result < 0) {
    libc().close(fd);
    throw explainMount(result, mountPoint);
  }
  return fd;
}
