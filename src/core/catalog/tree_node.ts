import type { TreeNode } from "./catalog.ts";

/** A row to be filled by the catalog and reused. */
export function emptyNode(): TreeNode {
  return {
    entry: 0,
    parent: 0,
    isDirectory: false,
    version: 0,
    sizeBytes: 0,
    mtimeSec: 0,
    mtimeNsec: 0,
    mode: 0,
    uid: -1,
    gid: -1,
  };
}
