/** Paths of the tree that are pinned: what lies at or below one of them is not evicted. */

import { type BytePath, parentPath, ROOT_PATH } from "../bytes.ts";

/** Whether `path` is one of the paths or lies below one. */
export function liesAtOrBelow(path: BytePath, paths: ReadonlySet<BytePath>): boolean {
  if (paths.size === 0) return false;
  for (let at = path; ; at = parentPath(at)) {
    if (paths.has(at)) return true;
    if (at === ROOT_PATH) return false;
  }
}
