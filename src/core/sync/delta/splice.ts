/**
 * *Splice and verify*: the new version rebuilt from the old one and few fetched bytes, for storage
 * that knows nothing of chunks but can prove a whole file.
 */

import type { ContentProof } from "../../origins/origin.ts";
import type { Stretch } from "../chunks/manifest_diff.ts";
import { align } from "./alignment.ts";
import { assemble } from "./assembly.ts";
import { landmarks } from "./landmarks.ts";
import type { Extent, NewBytes } from "./new_bytes.ts";
import type { OldBytes } from "./old_bytes.ts";
import { verdictOn } from "./proof.ts";

/** Runs between slices of bytes that are hashed or compared, so that others have their turn. */
export type Breathe = () => Promise<void>;

/**
 * Stretches that make up exactly the proved bytes; undefined when none were found. What is fetched
 * stays in `next`. Rejects as `OldBytes.read` and `NewBytes.get`.
 */
export async function splice(
  old: OldBytes,
  next: NewBytes,
  proof: ContentProof,
  breathe: Breathe,
): Promise<readonly Stretch[] | undefined> {
  const proved = (stretches: readonly Stretch[]) =>
    isProved(assemble(old, next, stretches), proof, breathe);
  if (next.sizeBytes === old.sizeBytes) {
    const untouched = [{ offsetBytes: 0, lengthBytes: old.sizeBytes, oldOffsetBytes: 0 }];
    if (await proved(untouched)) return untouched;
  }
  const hints = await landmarks(old);
  const found = await align(old, next, hints);
  if (found === undefined) return undefined;
  if (await proved(found)) return found;
  // Metadata written over in place, as with a cover of the same length, moves nothing.
  const doubtful = metadataIn(found, hints);
  if (doubtful.length === 0) return undefined;
  for (const extent of doubtful) await next.get(extent);
  const refetched = withFetched(found, next);
  return (await proved(refetched)) ? refetched : undefined;
}

/** Whether the bytes are the proved ones. Rejects as their source. */
export async function isProved(
  bytes: AsyncIterable<Uint8Array>,
  proof: ContentProof,
  breathe: Breathe,
): Promise<boolean> {
  const verdict = verdictOn(proof);
  for await (const slice of bytes) {
    verdict.push(slice);
    await breathe();
  }
  return verdict.holds();
}

/** Where stretches of the old version that hold metadata are in the new one. */
function metadataIn(stretches: readonly Stretch[], hints: readonly Extent[]): readonly Extent[] {
  return stretches.flatMap(({ offsetBytes, lengthBytes, oldOffsetBytes }) => {
    if (oldOffsetBytes === undefined) return [];
    const shift = offsetBytes - oldOffsetBytes;
    return hints
      .map(({ from, end }) => ({
        from: Math.max(offsetBytes, from + shift),
        end: Math.min(offsetBytes + lengthBytes, end + shift),
      }))
      .filter(({ from, end }) => from < end);
  });
}

/** The stretches, with all that is here in place of what was to be copied. */
export function withFetched(
  stretches: readonly Stretch[],
  next: Pick<NewBytes, "missing">,
): readonly Stretch[] {
  return stretches.flatMap(({ offsetBytes, lengthBytes, oldOffsetBytes }) => {
    const end = offsetBytes + lengthBytes;
    if (oldOffsetBytes === undefined) return [{ offsetBytes, lengthBytes, oldOffsetBytes }];
    const shift = offsetBytes - oldOffsetBytes;
    const parts: Stretch[] = [];
    let at = offsetBytes;
    for (const gap of next.missing({ from: offsetBytes, end })) {
      if (gap.from > at) parts.push(literal(at, gap.from));
      parts.push({
        offsetBytes: gap.from,
        lengthBytes: gap.end - gap.from,
        oldOffsetBytes: gap.from - shift,
      });
      at = gap.end;
    }
    if (at < end) parts.push(literal(at, end));
    return parts;
  });
}

function literal(from: number, end: number): Stretch {
  return { offsetBytes: from, lengthBytes: end - from, oldOffsetBytes: undefined };
}
