/** What a failed read looks like to the program that reads an open file. */

import { type ErrorCode, MusicFsError } from "../errors.ts";
import { EBUSY, EINTR, EINVAL, EIO, ENODEV, EOPNOTSUPP } from "../sys/errno.ts";

/** The errno (positive) of anything thrown; what is not ours is a bug and answers EIO. */
export function toErrno(error: unknown): number {
  return error instanceof MusicFsError ? errnoOf(error.code) : EIO;
}

function errnoOf(code: ErrorCode): number {
  switch (code) {
    // Not EINTR's usual meaning of "nothing happened", but the only answer to a signal.
    case "cancelled":
      return EINTR;
    // The file is open, so it cannot be missing, forbidden or another one to whoever reads it: read(2)
    // knows none of these errnos, and the kernel does not look a path up again for ESTALE here.
    case "not_found":
    case "denied":
    case "not_a_directory":
    case "is_a_directory":
    case "symlink_loop":
    case "version_changed":
    case "not_a_file":
    case "outside_root":
    case "bad_name":
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
    case "cache":
    case "manifest":
    case "internal":
      return EIO;
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
