/**
 * Every operation of the protocol, one row each. The dispatcher, the check of lengths and the debug
 * printer all read this table; an operation that is not in it is answered ENOSYS.
 */

import type { Exchange } from "./exchange.ts";
import type { Result } from "./filesystem.ts";
import { init, interrupt } from "./handlers/connection.ts";
import { opendir, readdir, readdirplus, releasedir } from "./handlers/directories.ts";
import { flush, lseek, open, read, release } from "./handlers/files.ts";
import { batchForget, forget, getattr, lookup, statfs } from "./handlers/nodes.ts";
import {
  noSuchIoctl,
  notALink,
  nothingToDo,
  notImplemented,
  readOnly,
} from "./handlers/refused.ts";
import { getxattr, listxattr } from "./handlers/xattrs.ts";
import * as layout from "./layout.ts";

export interface Opcode {
  readonly code: number;
  /** As in linux/fuse.h, without its prefix. */
  readonly name: string;
  /** What the body starts with; a request whose body is shorter is answered EINVAL. */
  readonly body: layout.Layout;
  /** NUL-terminated strings behind that. */
  readonly strings: number;
  /** False: the kernel expects no reply, not even an error. */
  readonly replies: boolean;
  /** Answers the length of the reply's body, a negative errno, or DEFERRED. */
  readonly handle: (exchange: Exchange) => Result;
}

type Handler = Opcode["handle"];

function row(
  code: number,
  name: string,
  handle: Handler,
  body: layout.Layout = layout.EMPTY,
  strings = 0,
): Opcode {
  return { code, name, body, strings, replies: true, handle };
}

function silent(code: number, name: string, handle: Handler, body: layout.Layout): Opcode {
  return { code, name, body, strings: 0, replies: false, handle };
}

const ROWS: readonly Opcode[] = [
  row(1, "LOOKUP", lookup, layout.EMPTY, 1),
  silent(2, "FORGET", forget, layout.FORGET_IN),
  row(3, "GETATTR", getattr, layout.GETATTR_IN),
  row(4, "SETATTR", readOnly, layout.SETATTR_IN),
  row(5, "READLINK", notALink),
  row(6, "SYMLINK", readOnly, layout.EMPTY, 2),
  row(8, "MKNOD", readOnly, layout.MKNOD_IN, 1),
  row(9, "MKDIR", readOnly, layout.MKDIR_IN, 1),
  row(10, "UNLINK", readOnly, layout.EMPTY, 1),
  row(11, "RMDIR", readOnly, layout.EMPTY, 1),
  row(12, "RENAME", readOnly, layout.RENAME_IN, 2),
  row(13, "LINK", readOnly, layout.LINK_IN, 1),
  row(14, "OPEN", open, layout.OPEN_IN),
  row(15, "READ", read, layout.READ_IN),
  row(16, "WRITE", readOnly, layout.WRITE_IN),
  row(17, "STATFS", statfs),
  row(18, "RELEASE", release, layout.RELEASE_IN),
  row(20, "FSYNC", nothingToDo, layout.FSYNC_IN),
  row(21, "SETXATTR", readOnly, layout.SETXATTR_IN, 1),
  row(22, "GETXATTR", getxattr, layout.GETXATTR_IN, 1),
  row(23, "LISTXATTR", listxattr, layout.GETXATTR_IN),
  row(24, "REMOVEXATTR", readOnly, layout.EMPTY, 1),
  row(25, "FLUSH", flush, layout.FLUSH_IN),
  row(26, "INIT", init, layout.INIT_IN_COMPAT),
  row(27, "OPENDIR", opendir, layout.OPEN_IN),
  row(28, "READDIR", readdir, layout.READ_IN),
  row(29, "RELEASEDIR", releasedir, layout.RELEASE_IN),
  row(30, "FSYNCDIR", nothingToDo, layout.FSYNC_IN),
  row(31, "GETLK", notImplemented),
  row(32, "SETLK", notImplemented),
  row(33, "SETLKW", notImplemented),
  row(34, "ACCESS", notImplemented, layout.ACCESS_IN),
  row(35, "CREATE", readOnly, layout.CREATE_IN, 1),
  silent(36, "INTERRUPT", interrupt, layout.INTERRUPT_IN),
  row(37, "BMAP", notImplemented),
  row(38, "DESTROY", nothingToDo),
  row(39, "IOCTL", noSuchIoctl, layout.IOCTL_IN),
  row(40, "POLL", notImplemented),
  silent(41, "NOTIFY_REPLY", nothingToDo, layout.EMPTY),
  silent(42, "BATCH_FORGET", batchForget, layout.BATCH_FORGET_IN),
  row(43, "FALLOCATE", readOnly, layout.FALLOCATE_IN),
  row(44, "READDIRPLUS", readdirplus, layout.READ_IN),
  row(45, "RENAME2", readOnly, layout.RENAME2_IN, 2),
  row(46, "LSEEK", lseek, layout.LSEEK_IN),
  row(47, "COPY_FILE_RANGE", readOnly, layout.COPY_FILE_RANGE_IN),
  row(48, "SETUPMAPPING", notImplemented),
  row(49, "REMOVEMAPPING", notImplemented),
  /** 7.34 */
  row(50, "SYNCFS", notImplemented),
  /** 7.37 */
  row(51, "TMPFILE", readOnly, layout.CREATE_IN, 1),
  /** 7.39; the kernel asks by GETATTR instead. */
  row(52, "STATX", notImplemented),
  /** 7.45 */
  row(53, "COPY_FILE_RANGE_64", readOnly, layout.COPY_FILE_RANGE_IN),
];

/** The row of INIT, the only operation before which nothing else is served. */
export const INIT_OPCODE = 26;

const BY_CODE: readonly (Opcode | undefined)[] = Array.from(
  { length: Math.max(...ROWS.map((opcode) => opcode.code)) + 1 },
  (_, code) => ROWS.find((opcode) => opcode.code === code),
);

export const OPCODES: readonly Opcode[] = ROWS;

export function opcodeOf(code: number): Opcode | undefined {
  return BY_CODE[code];
}
