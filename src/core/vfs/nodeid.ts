/**
 * Nodeids: what the kernel calls a file or directory.
 *
 * A directory's nodeid is its catalog entry (the root is FUSE's own 1). A file's is its *version*,
 * because the kernel's page cache belongs to the nodeid: another version must be another node.
 * Catalog ids are never reused, so a nodeid means one thing for ever and FORGET needs no
 * bookkeeping. `st_ino` is the entry's id in both cases and stays with the path.
 */

/** Above every entry id; sums with a version id stay exact in a double. */
const FILE_BASE = 2 ** 48;

export function directoryNode(entry: number): number {
  return entry;
}

export function fileNode(version: number): number {
  return FILE_BASE + version;
}

export function isFileNode(nodeid: number): boolean {
  return nodeid >= FILE_BASE;
}

/** The version of a file's nodeid. */
export function versionOf(nodeid: number): number {
  return nodeid - FILE_BASE;
}

/** The nodeid of a row of the tree. */
export function nodeidOf(node: {
  readonly isDirectory: boolean;
  readonly entry: number;
  readonly version: number;
}): number {
  return node.isDirectory ? directoryNode(node.entry) : fileNode(node.version);
}
