/** What an errno of a disk means to the rest of the system: one table, in this file only. */

import type { OriginErrorCode } from "../../errors.ts";
import * as E from "../../sys/errno.ts";

/** A failed operation of a {@link Disk}; origins make an `OriginError` of it. */
export class DiskFailure extends Error {
  override readonly name = "DiskFailure";

  constructor(
    readonly code: OriginErrorCode,
    message: string,
    /** The errno it came from; 0 when a check of ours failed. */
    readonly errno = 0,
  ) {
    super(message);
  }
}

/** Not in Node's table (asm-generic/errno.h). */
const ENONET = 64;
const ENOLINK = 67;
const ECOMM = 70;
const EPROTO = 71;
const EILSEQ = 84;
const ENETDOWN = 100;
const ENETRESET = 102;
const ENOMEDIUM = 123;
const ENOKEY = 126;
const EKEYEXPIRED = 127;
const EKEYREVOKED = 128;
const EKEYREJECTED = 129;

type Meaning = readonly [code: OriginErrorCode, text: string];

const GONE = "the file system behind it is gone";
const NETWORK = "its server cannot be reached";
const KEYS = "the server wants credentials: renew the Kerberos ticket or the mount's password";
const OURS = "this process has too many files open or no memory left; raise its limits";

const MEANINGS = new Map<number, Meaning>([
  [E.ENOENT, ["not_found", "no such file or directory"]],
  [E.EACCES, ["denied", "permission denied"]],
  [E.EPERM, ["denied", "permission denied"]],
  [E.ENOTDIR, ["not_a_directory", "not a directory"]],
  [E.EISDIR, ["is_a_directory", "is a directory"]],
  [E.ELOOP, ["symlink_loop", "its symbolic links lead in a circle"]],
  [E.EXDEV, ["outside_root", "a symbolic link leads out of the origin"]],
  [E.ENAMETOOLONG, ["bad_name", "the name is too long"]],
  [EILSEQ, ["bad_name", "the file system cannot store such a name"]],
  [E.ESTALE, ["device_gone", GONE]],
  [E.ENODEV, ["device_gone", GONE]],
  [E.ENXIO, ["device_gone", GONE]],
  [ENOMEDIUM, ["device_gone", GONE]],
  [E.ENOTCONN, ["device_gone", "the program that serves this mount has ended"]],
  [E.ESHUTDOWN, ["device_gone", GONE]],
  [E.ECONNABORTED, ["connection", "its FUSE connection was aborted"]],
  [E.ECONNREFUSED, ["connection", NETWORK]],
  [E.ECONNRESET, ["connection", NETWORK]],
  [E.EHOSTDOWN, ["connection", NETWORK]],
  [E.EHOSTUNREACH, ["connection", NETWORK]],
  [E.ENETUNREACH, ["connection", NETWORK]],
  [ENETDOWN, ["connection", NETWORK]],
  [ENETRESET, ["connection", NETWORK]],
  [ENONET, ["connection", NETWORK]],
  [ENOLINK, ["connection", NETWORK]],
  [ECOMM, ["connection", NETWORK]],
  [EPROTO, ["protocol", "its server answered nonsense"]],
  [E.ETIMEDOUT, ["timeout", "its server does not answer"]],
  [ENOKEY, ["credentials", KEYS]],
  [EKEYEXPIRED, ["credentials", KEYS]],
  [EKEYREVOKED, ["credentials", KEYS]],
  [EKEYREJECTED, ["credentials", KEYS]],
  // Our own trouble must not count against the origin, and passes: an object's error, worth a retry.
  [E.EMFILE, ["io", OURS]],
  [E.ENFILE, ["io", OURS]],
  [E.ENOMEM, ["io", OURS]],
  // A lease (Samba's oplock) is being taken back from its holder, or a rename raced with `..`.
  [E.EAGAIN, ["io", "the file is busy"]],
]);

/** True when this process, not the disk, lacks something. */
export function isOwnTrouble(errno: number): boolean {
  return errno === E.EMFILE || errno === E.ENFILE || errno === E.ENOMEM;
}

/** The failure behind a system call's answer (negative or positive errno). */
export function failureOf(call: string, errno: number): DiskFailure {
  const [code, text] = MEANINGS.get(Math.abs(errno)) ?? ["io", "the disk reports an error"];
  return new DiskFailure(code, `${text} (${call}: ${E.errnoName(errno)})`, Math.abs(errno));
}

/** The answer of a system call, or its failure thrown. */
export function check(call: string, result: number): number {
  if (result < 0) throw failureOf(call, result);
  return result;
}
