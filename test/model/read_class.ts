/** What bytes of the mount may be (docs/semantics.md); each READ is found to be of one class. */

/**
 * - *proved*: bytes of the version that the file was opened with;
 * - *weak*: an origin whose tokens are size and mtime may hold any of the contents that went under
 *   them, and did hold these, each block for itself;
 * - *probable* (`failover = "probable"` only): another origin's replica of equal size whose sampled
 *   fingerprint is equal;
 * - *seam* (`failover = "probable"` only): another origin's replica of equal size that agrees with
 *   bytes which were served before, or read as the file was opened;
 * - *wrong*: the promise is broken.
 */
export type ReadClass = "proved" | "weak" | "probable" | "seam" | "wrong";

/** Classes of bytes that are not the version's own. */
export const UNPROVED: readonly ReadClass[] = ["probable", "seam"];

/** Reads of each class. */
export type ReadCounts = Record<ReadClass, number>;

export function noReads(): ReadCounts {
  return { proved: 0, weak: 0, probable: 0, seam: 0, wrong: 0 };
}
