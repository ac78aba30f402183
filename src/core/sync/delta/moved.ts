/**
 * *Moved*: the file was renamed on its origin, and its bytes are in the cache as those of a path that is
 * no longer there. They are taken for the file's where it is certain that they are; nothing is fetched.
 */

import type { CacheableFile } from "../../cache/block_cache.ts";
import type { LostContents } from "../../cache/former_contents.ts";
import type { Identity } from "./identity.ts";
import { oldBytesOf } from "./rebuild.ts";

/**
 * Tries the contents, by their ids; true when one of them is the file's: it is found under its path then.
 * Rejects as `isSame`, and with OwnError `cache` where a content is damaged.
 */
export async function takeMoved(
  file: CacheableFile,
  isSame: Identity,
  contents: readonly number[],
  cache: LostContents,
): Promise<boolean> {
  for (const id of contents) {
    using content = cache.openLost(id);
    if (content?.sizeBytes !== file.sizeBytes) continue;
    if (!(await isSame(oldBytesOf(content)))) continue;
    await content.adopt(file);
    return true;
  }
  return false;
}
