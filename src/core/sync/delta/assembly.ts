/** A new version put together from stretches of an old one and fetched bytes. */

import { BACKGROUND_SLICE_BYTES } from "../../limits.ts";
import type { Stretch } from "../chunks/manifest_diff.ts";
import type { NewBytes } from "./new_bytes.ts";
import type { OldBytes } from "./old_bytes.ts";

/** The bytes in order, in slices of BACKGROUND_SLICE_BYTES at most. Rejects as its sources. */
export async function* assemble(
  old: OldBytes,
  next: Pick<NewBytes, "get">,
  stretches: readonly Stretch[],
): AsyncGenerator<Uint8Array, void, void> {
  for (const { offsetBytes, lengthBytes, oldOffsetBytes } of stretches) {
    for (let done = 0; done < lengthBytes; done += BACKGROUND_SLICE_BYTES) {
      const length = Math.min(BACKGROUND_SLICE_BYTES, lengthBytes - done);
      const from = offsetBytes + done;
      yield oldOffsetBytes === undefined
        ? await next.get({ from, end: from + length })
        : await old.read(oldOffsetBytes + done, length);
    }
  }
}
