/**
 * Nodeids: what the kernel calls a file or directory.
 *
 * A directory's nodeid comes from its catalog entry: even, but for the root, which is FUSE's own 1. A
 * file's comes from its *version* and is odd, because the kernel's page cache belongs to the nodeid:
 * another version must be another node. Catalog ids are never reused and stay below 2^52, so a nodeid
 * is exact in a double, means one thing for ever, and FORGET needs no bookkeeping. `st_ino` is the
 * entry's id in both cases and stays with the path.
 */

import { ROOT_ENTRY } from "../catalog/catalog.ts";

/** FUSE_ROOT_ID of linux/fuse.h. */
const ROOT_NODE = 1;

export function directoryNode(entry: number): number {
  return entry === ROOT_ENTRY ? ROOT_NODE : 2 * entry;
}

/** The entry of a directory's nodeid. */
export function entryOf(nodeid: number): number {
  return nodeid === ROOT_NODE ? ROOT_ENTRY : nodeid / 2;
}

export function fileNode(version: number): number {
  return 2 * version + 1;
}

/** The version of a file's nodeid. */
export function versionOf(nodeid: number): number {
  return (nodeid - 1) / 2;
}

export function isFileNode(nodeid: number): boolean {
  return nodeid % 2 === 1 && nodeid !== ROOT_NODE;
}

/** The nodeid of a row of the tree. */
export function nodeidOf(node: {
  readonly isDirectory: boolean;
  readonly entry: number;
  readonly version: number;
}): number {
  return node.isDirectory ? directoryNode(node.entry) : fileNode(node.version);
}
