/**
 * Backing files of passthrough (7.40): the kernel reads them itself. Needs CAP_SYS_ADMIN. The id
 * goes into the reply to OPEN, with FOPEN_PASSTHROUGH; as long as any handle of a nodeid is open,
 * all its opens must carry the same id.
 */

import { libc } from "../sys/libc.ts";
import { Memory } from "../sys/memory.ts";
import { DEV_IOC_BACKING_CLOSE, DEV_IOC_BACKING_OPEN } from "./abi.ts";
import { BACKING_MAP } from "./layout.ts";

const argument = new Memory(BACKING_MAP.sizeBytes);

/**
 * Registers `fileFd`, which may be closed afterwards. Answers the backing id (1 or more) or a
 * negative errno: EPERM without the capability, ELOOP when the file's own file system is stacked,
 * EOPNOTSUPP when it is no regular file system.
 */
export function backingOpen(deviceFd: number, fileFd: number): number {
  argument.bytes.fill(0);
  argument.view.setInt32(BACKING_MAP.at.fd, fileFd, true);
  return libc().ioctl(deviceFd, DEV_IOC_BACKING_OPEN, argument.address);
}

/** Gives a backing id back; handles opened with it go on. Answers 0 or a negative errno. */
export function backingClose(deviceFd: number, backingId: number): number {
  argument.view.setInt32(0, backingId, true);
  return libc().ioctl(deviceFd, DEV_IOC_BACKING_CLOSE, argument.address);
}
