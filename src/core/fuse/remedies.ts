/** Why mounting failed and what a person can do about it. */

import { OwnError } from "../errors.ts";
import { EACCES, EBUSY, EINVAL, ENODEV, ENOENT, ENXIO, EPERM, errnoName } from "../sys/errno.ts";

const CONTAINER =
  "in a container, start it with --device /dev/fuse --cap-add SYS_ADMIN " +
  "--security-opt apparmor=unconfined";

/** Opening /dev/fuse failed with the negative `errno`. */
export function explainDevice(errno: number): OwnError {
  switch (-errno) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      return new OwnError(
        "mount",
        `there is no /dev/fuse: load the kernel's module (modprobe fuse); ${CONTAINER}`,
      );
    case EPERM:
    case EACCES:
      return new OwnError(
        "mount",
        `/dev/fuse may not be opened (${errnoName(errno)}): everyone should have access to it ` +
          `(chmod 666 /dev/fuse); ${CONTAINER}`,
      );
    default:
      return new OwnError("mount", `/dev/fuse cannot be opened: ${errnoName(errno)}`);
  }
}

/** mount(2) failed with the negative `errno`. */
export function explainMount(errno: number, mountPoint: string): OwnError {
  switch (-errno) {
    case EPERM:
    case EACCES:
      return new OwnError(
        "mount",
        `mounting on ${mountPoint} is not permitted (${errnoName(errno)}) although this is root: ${CONTAINER}`,
      );
    case ENODEV:
      return new OwnError(
        "mount",
        "this kernel has no FUSE: load its module (modprobe fuse) or use a kernel that has it",
      );
    case EBUSY:
      return new OwnError("mount", `${mountPoint} is in use by another mount: choose another`);
    default:
      return new OwnError("mount", `mounting on ${mountPoint} failed: ${errnoName(errno)}`);
  }
}

/** umount2(2) failed with the negative `errno`. */
export function explainUnmount(errno: number, mountPoint: string): OwnError {
  switch (-errno) {
    case EBUSY:
      return busy(mountPoint);
    case EPERM:
      return new OwnError("mount", `unmounting ${mountPoint} is not permitted: ${CONTAINER}`);
    case EINVAL:
    case ENOENT:
      return notMounted(mountPoint);
    default:
      return new OwnError("mount", `unmounting ${mountPoint} failed: ${errnoName(errno)}`);
  }
}

export function busy(mountPoint: string): OwnError {
  return new OwnError(
    "busy",
    `${mountPoint} is in use: close what has files open or its working directory there ` +
      `(fuser -vm ${mountPoint} lists them), or detach it lazily`,
  );
}

export function notMounted(mountPoint: string): OwnError {
  return new OwnError("mount", `nothing is mounted on ${mountPoint}`);
}

interface Remedy {
  readonly said: RegExp;
  readonly error: (mountPoint: string, message: string) => OwnError;
}

/** What fusermount3 (libfuse, util/fusermount.c) says, in the C locale, and what it means. */
const FUSERMOUNT: readonly Remedy[] = [
  {
    said: /only allowed if 'user_allow_other' is set/,
    error: () =>
      new OwnError(
        "mount",
        "allow_other is forbidden to ordinary users here: " +
          "put a line user_allow_other into /etc/fuse.conf, or set allow_other = false",
      ),
  },
  {
    said: /fuse device not found|failed to open \/dev\/fuse: No such/,
    error: () => explainDevice(-ENOENT),
  },
  {
    said: /failed to open \/dev\/fuse: (Permission denied|Operation not permitted)/,
    error: () => explainDevice(-EACCES),
  },
  {
    said: /no write access to mountpoint|not owned by user/,
    error: (mountPoint) => notOwned(mountPoint),
  },
  {
    said: /too many FUSE filesystems mounted/,
    error: () =>
      new OwnError(
        "mount",
        "too many FUSE file systems are mounted: unmount some, or raise mount_max in /etc/fuse.conf",
      ),
  },
  {
    said: /mount failed: (Permission denied|Operation not permitted)/,
    error: (mountPoint, message) =>
      new OwnError(
        "mount",
        `fusermount3 may not mount on ${mountPoint} (${message}). AppArmor's profile of ` +
          "fusermount3 allows only some places: mount below your home directory, /mnt or /media, " +
          "or extend /etc/apparmor.d/local/fusermount3. If fusermount3 is not setuid root or its " +
          `file system is mounted nosuid, reinstall fuse3. ${sentence(CONTAINER)}`,
      ),
  },
  { said: /Device or resource busy/, error: (mountPoint) => busy(mountPoint) },
  { said: /entry for .* not found|not mounted/, error: (mountPoint) => notMounted(mountPoint) },
];

export function explainFusermount(message: string, mountPoint: string): OwnError {
  const remedy = FUSERMOUNT.find(({ said }) => said.test(message));
  if (remedy !== undefined) return remedy.error(mountPoint, message);
  return new OwnError("mount", message === "" ? "fusermount3 failed without a word" : message);
}

export function notOwned(mountPoint: string): OwnError {
  return new OwnError(
    "mount",
    `you may not mount on ${mountPoint}, which you neither own nor may write to: ` +
      "choose a directory of your own, or have its owner changed (chown)",
  );
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
