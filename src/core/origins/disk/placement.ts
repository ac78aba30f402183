/**
 * Which mount a path leads to, found without touching a file system that may hang: components are
 * taken one by one, and the walk ends at the first network or FUSE mount point.
 */

import { readlinkSync } from "node:fs";
import { type MountInfo, mayHang, mountAt, mountOf, readMountInfo } from "../../sys/mountinfo.ts";

/** As the kernel's MAXSYMLINKS. */
const MAX_LINKS = 40;

export interface PlacementPorts {
  readonly mounts: readonly MountInfo[];
  /** The text of a symbolic link, undefined for anything else. */
  readonly readLink: (path: string) => string | undefined;
}

/** The mount that `path` (absolute) lies on; undefined where the mount table does not tell. */
export function placementOf(
  path: string,
  ports: PlacementPorts = { mounts: readMountInfo(), readLink },
): MountInfo | undefined {
  let at = "";
  const todo = path.split("/").reverse();
  for (let links = 0; links <= MAX_LINKS; ) {
    const name = todo.pop();
    if (name === undefined) break;
    if (name === "" || name === ".") continue;
    if (name === "..") {
      at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
      continue;
    }
    const next = `${at}/${name}`;
    const mount = mountAt(ports.mounts, next);
    if (mount !== undefined && mayHang(mount.type)) return mount;
    const target = mount === undefined ? ports.readLink(next) : undefined;
    if (target === undefined) {
      at = next;
      continue;
    }
    links++;
    if (target.startsWith("/")) at = "";
    todo.push(...target.split("/").reverse());
  }
  return mountOf(ports.mounts, at === "" ? "/" : at);
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    // Not a link, or nothing that this user can see: the open will say what is wrong.
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

/** True unless system calls on `path` may never return: then it needs guards. */
export function isOnLocalDisk(path: string): boolean {
  const mount = placementOf(path);
  return mount === undefined || !mayHang(mount.type);
}

/** File systems whose inode numbers and ctimes are those of the server's own files. */
const LASTING_INODES = new Set(["nfs", "nfs4", "ceph", "lustre", "beegfs", "virtiofs", "fuseblk"]);

/** False: inode numbers are made up at every mount, or ctime is mtime again (SMB, FUSE). */
export function keepsInodes(mount: MountInfo): boolean {
  return LASTING_INODES.has(mount.type);
}
