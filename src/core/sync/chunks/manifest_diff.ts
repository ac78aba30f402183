/** What a new version shares with an old one, by their manifests. */

import { chunkHash, type Manifest } from "./manifest.ts";

/** A stretch of the new version. Stretches follow each other without gaps, in order. */
export interface Stretch {
  /** In the new version. */
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** Where the same bytes are in the old version; undefined: nowhere, they have to be fetched. */
  readonly oldOffsetBytes: number | undefined;
}

/**
 * The new version as stretches of the old one and new bytes; neighbours that continue each other are
 * one. Chunks that occur more than once are taken from where they continue the stretch before, else
 * from their first place.
 */
export function diffManifests(old: Manifest, next: Manifest): Stretch[] {
  const places = chunkOffsets(old);
  const stretches: Stretch[] = [];
  let offsetBytes = 0;
  let last: Stretch | undefined;
  next.lengths.forEach((lengthBytes, chunk) => {
    const found = places.get(chunkHash(next, chunk));
    const continued =
      last?.oldOffsetBytes === undefined ? -1 : last.oldOffsetBytes + last.lengthBytes;
    const oldOffsetBytes = found?.includes(continued) === true ? continued : found?.[0];
    if (last !== undefined && continues(last, oldOffsetBytes)) {
      last = { ...last, lengthBytes: last.lengthBytes + lengthBytes };
      stretches[stretches.length - 1] = last;
    } else {
      last = { offsetBytes, lengthBytes, oldOffsetBytes };
      stretches.push(last);
    }
    offsetBytes += lengthBytes;
  });
  return stretches;
}

function continues(last: Stretch, oldOffsetBytes: number | undefined): boolean {
  if (last.oldOffsetBytes === undefined) return oldOffsetBytes === undefined;
  return oldOffsetBytes === last.oldOffsetBytes + last.lengthBytes;
}

/** Bytes that no stretch takes from the old version. */
export function bytesToFetch(stretches: readonly Stretch[]): number {
  return stretches.reduce(
    (sum, { oldOffsetBytes, lengthBytes }) =>
      sum + (oldOffsetBytes === undefined ? lengthBytes : 0),
    0,
  );
}

/** Where each chunk of a manifest is, by its hash. */
function chunkOffsets(manifest: Manifest): Map<string, number[]> {
  const places = new Map<string, number[]>();
  let offsetBytes = 0;
  manifest.lengths.forEach((lengthBytes, chunk) => {
    const hash = chunkHash(manifest, chunk);
    const offsets = places.get(hash);
    if (offsets === undefined) places.set(hash, [offsetBytes]);
    else offsets.push(offsetBytes);
    offsetBytes += lengthBytes;
  });
  return places;
}
