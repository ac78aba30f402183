/** What stat(2) shows of a catalog row. */

import type { TreeNode } from "../catalog/catalog.ts";
import type { Attributes } from "../fuse/filesystem.ts";
import { S_IFDIR, S_IFREG } from "../sys/arch.ts";

/** Nobody may write through this mount, whatever the origin allows. */
const READ_AND_SEARCH = 0o555;

export interface Ownership {
  /** Owner shown for every file; undefined: the origin's, and the mounting user's where it has none. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** The mounting user. */
  readonly callerUid: number;
  readonly callerGid: number;
}

/** How long the kernel may keep what it was told; changes are pushed, so this is long. */
export const ATTRIBUTES_VALID_MS = 3_600_000;

export function fillAttributes(node: TreeNode, owner: Ownership, out: Attributes): void {
  out.inode = node.entry;
  out.sizeBytes = node.isDirectory ? 0 : node.sizeBytes;
  out.mtimeSec = node.mtimeSec;
  out.mtimeNsec = node.mtimeNsec;
  out.mode = (node.isDirectory ? S_IFDIR : S_IFREG) | (node.mode & READ_AND_SEARCH);
  // 1 for a directory says "not counted": tools then do not infer the number of subdirectories.
  out.nlink = 1;
  out.uid = owner.uid ?? (node.uid < 0 ? owner.callerUid : node.uid);
  out.gid = owner.gid ?? (node.gid < 0 ? owner.callerGid : node.gid);
  out.validMs = ATTRIBUTES_VALID_MS;
}
