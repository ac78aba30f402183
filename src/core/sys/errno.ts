/** Errno values of Linux (asm-generic/errno-base.h, errno.h), equal on x64 and arm64. */

import { constants } from "node:os";

export const {
  EPERM,
  ENOENT,
  EINTR,
  EIO,
  ENXIO,
  E2BIG,
  EBADF,
  EAGAIN,
  ENOMEM,
  EACCES,
  EFAULT,
  EBUSY,
  EEXIST,
  EXDEV,
  ENODEV,
  ENOTDIR,
  EISDIR,
  EINVAL,
  ENFILE,
  EMFILE,
  ENOTTY,
  EFBIG,
  ENOSPC,
  ESPIPE,
  EROFS,
  ERANGE,
  EPROTO,
  ENAMETOOLONG,
  ENOSYS,
  ELOOP,
  ENODATA,
  ENOTCONN,
  ENOTSUP: EOPNOTSUPP,
  ETIMEDOUT,
  ECONNABORTED,
  ECONNREFUSED,
  ECONNRESET,
  EHOSTUNREACH,
  ENETUNREACH,
  ESTALE,
} = constants.errno;

/** Not in Node's table. */
export const EHOSTDOWN = 112;
export const EUCLEAN = 117;
export const EREMOTEIO = 121;
export const ESHUTDOWN = 108;

const NAMES = new Map<number, string>(
  [
    ...Object.entries(constants.errno),
    ["EHOSTDOWN", EHOSTDOWN],
    ["EUCLEAN", EUCLEAN],
    ["EREMOTEIO", EREMOTEIO],
    ["ESHUTDOWN", ESHUTDOWN],
  ].map(([name, value]) => [Number(value), String(name)]),
);

/** `ENOENT` for 2 or -2; the number as text where it has no name. */
export function errnoName(errno: number): string {
  return NAMES.get(Math.abs(errno)) ?? `errno ${Math.abs(errno)}`;
}
