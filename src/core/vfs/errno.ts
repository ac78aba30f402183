/** What a failure looks like to the program that reads the mount. */

import { type ErrorCode, MusicFsError } from "../errors.ts";
import {
  EACCES,
  EBUSY,
  EINTR,
  EINVAL,
  EIO,
  EISDIR,
  ELOOP,
  ENODEV,
  ENOENT,
  ENOTDIR,
  EOPNOTSUPP,
  ESTALE,
} from "../sys/errno.ts";

/** The errno (positive) of anything thrown; what is not ours is a bug and answers EIO. */
export function toErrno(error: unknown): number {
  return error instanceof MusicFsError ? errnoOf(error.code) : EIO;
}

function errnoOf(code: ErrorCode): number {
  switch (code) {
    case "not_found":
      return ENOENT;
    case "denied":
      return EACCES;
    case "not_a_directory":
      return ENOTDIR;
    case "is_a_directory":
      return EISDIR;
    case "symlink_loop":
      return ELOOP;
    // The path leads elsewhere now; the kernel looks it up again and the caller never notices.
    case "version_changed":
      return ESTALE;
    // Not EINTR's usual meaning of "nothing happened", but the only answer to a signal.
    case "cancelled":
      return EINTR;
    // A player that gets ETIMEDOUT, EHOSTDOWN or ENOTCONN treats the file as it does for EIO, and
    // some take ENOTCONN for the end of the whole mount: so every failure to get bytes is EIO.
    case "timeout":
    case "connection":
    case "overloaded":
    case "credentials":
    case "host_key":
    case "misconfigured":
    case "device_gone":
    case "not_mounted":
    case "protocol":
    case "io":
    case "short_read":
    case "archived":
    case "no_origin_available":
    case "max_retries_exceeded":
    case "deadline_exceeded":
    case "replica_mismatch":
    case "catalog":
    case "manifest":
    case "internal":
      return EIO;
    case "not_a_file":
    case "outside_root":
    case "bad_name":
      return EACCES;
    case "busy":
      return EBUSY;
    case "unsupported":
      return EOPNOTSUPP;
    case "config":
    case "usage":
      return EINVAL;
    case "mount":
      return ENODEV;
  }
}
