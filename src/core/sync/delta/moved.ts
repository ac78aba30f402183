/**
 * *Moved*: the file was renamed on its origin, and its bytes are in the cache as those of a path that is
 * no longer there. They are taken for the file's where a checksum of its origin proves them; nothing is
 * fetched but that.
 */

import type { CacheableFile } from "../../cache/block_cache.ts";
import type { LostContents } from "../../cache/former_contents.ts";
import type { ContentProof } from "../../origins/origin.ts";
import { assemble } from "./assembly.ts";
import type { OldBytes } from "./old_bytes.ts";
import { oldBytesOf } from "./rebuild.ts";
import { type Breathe, isProved } from "./splice.ts";

/**
 * Tries the contents, by their ids; true when one of them is what is proved: it is found under the
 * file's path then. Rejects as `breathe`, and with OwnError `cache` where a content is damaged.
 */
export async function takeMoved(
  file: CacheableFile,
  proof: ContentProof,
  contents: readonly number[],
  cache: LostContents,
  breathe: Breathe,
): Promise<boolean> {
  for (const id of contents) {
    using content = cache.openLost(id);
    if (content?.sizeBytes !== file.sizeBytes) continue;
    if (!(await isProved(allOf(oldBytesOf(content)), proof, breathe))) continue;
    await content.adopt(file);
    return true;
  }
  return false;
}

function allOf(old: OldBytes): AsyncIterable<Uint8Array> {
  const whole = { offsetBytes: 0, lengthBytes: old.sizeBytes, oldOffsetBytes: 0 };
  const nothing = { get: () => Promise.reject(new RangeError("all of it is at hand")) };
  return assemble(old, nothing, [whole]);
}
