/**
 * The mount table, /proc/PID/mountinfo (proc_pid_mountinfo(5)). Reading it touches no mounted file
 * system, so it is asked before a path that may lie on a hung one is.
 */

import { readFileSync } from "node:fs";

export interface MountInfo {
  readonly id: number;
  readonly parentId: number;
  /** Device numbers of the file system; a FUSE mount's minor number is its connection's. */
  readonly major: number;
  readonly minor: number;
  /** Absolute, as a byte string (see bytes.ts), unescaped. */
  readonly mountPoint: string;
  /** `ext4`, `nfs4`, `fuse.musicfs`, … */
  readonly type: string;
  /** A byte string, unescaped. */
  readonly source: string;
}

/**
 * The mounts that process `pid` sees (default: this one), in the kernel's order: what is mounted over
 * another comes after it.
 */
export function readMountInfo(pid = "self"): readonly MountInfo[] {
  return parseMountInfo(readFileSync(`/proc/${pid}/mountinfo`));
}

/**
 * `id parent major:minor root mountPoint options [optional fields] - type source superOptions`. Names
 * are bytes here, of which some are blanks to `\s`.
 */
const LINE =
  /^(\d{1,10}) (\d{1,10}) (\d{1,10}):(\d{1,10}) [^ ]+ (\/[^ ]*) [^ ]+(?: [^ ]+)*? - ([^ ]+) ([^ ]*)(?: |$)/;

/** Lines that are not as documented are left out. */
export function parseMountInfo(bytes: Uint8Array): readonly MountInfo[] {
  const mounts: MountInfo[] = [];
  for (const line of Buffer.from(bytes).toString("latin1").split("\n")) {
    const fields = LINE.exec(line);
    if (fields === null) continue;
    const [, id, parentId, major, minor, mountPoint = "", type = "", source = ""] = fields;
    mounts.push({
      id: Number(id),
      parentId: Number(parentId),
      major: Number(major),
      minor: Number(minor),
      mountPoint: unescapeOctal(mountPoint),
      type: unescapeOctal(type),
      source: unescapeOctal(source),
    });
  }
  return mounts;
}

/** The topmost mount whose mount point is exactly `path` (absolute, no symbolic links in it). */
export function mountAt(mounts: readonly MountInfo[], path: string): MountInfo | undefined {
  const wanted = Buffer.from(path).toString("latin1");
  return mounts.findLast((mount) => mount.mountPoint === wanted);
}

/** The mount that `path` (absolute, no symbolic links in it) lies on. */
export function mountOf(mounts: readonly MountInfo[], path: string): MountInfo | undefined {
  const wanted = Buffer.from(path).toString("latin1");
  let found: MountInfo | undefined;
  for (const mount of mounts) {
    const isOnIt = isAtOrBelow(mount.mountPoint, wanted);
    // Of equally long ones the later covers the earlier.
    if (isOnIt && mount.mountPoint.length >= (found?.mountPoint.length ?? 0)) found = mount;
  }
  return found;
}

const NETWORK_TYPES = new Set([
  "nfs",
  "nfs4",
  "cifs",
  "smb3",
  "smbfs",
  "9p",
  "afs",
  // Touching it makes an automounter mount a share.
  "autofs",
  "beegfs",
  "ceph",
  "glusterfs",
  "lustre",
  "ncpfs",
  "coda",
  "davfs",
  "fuseblk",
  "orangefs",
  "virtiofs",
]);

/** True for file systems that ask a server or a program, on which system calls may never return. */
export function mayHang(type: string): boolean {
  return NETWORK_TYPES.has(type) || type === "fuse" || type.startsWith("fuse.");
}

function isAtOrBelow(directory: string, path: string): boolean {
  return directory === "/" || path === directory || path.startsWith(`${directory}/`);
}

/** Space, tab, newline and backslash are written as three octal digits. */
function unescapeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
