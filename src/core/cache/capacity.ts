/** How much the cache may take: its budget, and never the last of the disk's free space. */

export interface Space {
  /** What this user can still write. */
  readonly freeBytes: number;
  /** The whole disk. */
  readonly sizeBytes: number;
}

/** Left free for others: this part of the disk, at most so many bytes. */
const RESERVE_FRACTION = 0.02;
const MAX_RESERVE_BYTES = 1024 ** 3;

/** Above this part of the capacity old contents are evicted ... */
const HIGH = 0.95;
/** ... until no more than this is left. */
const LOW = 0.9;

/**
 * What the cache may hold, when it holds `usedBytes` now: less than that where others fill the disk.
 * It gives way to them when something new is kept, and only then: offline, nothing is lost.
 */
export function capacityBytes(budgetBytes: number, usedBytes: number, space: Space): number {
  const reserve = Math.min(space.sizeBytes * RESERVE_FRACTION, MAX_RESERVE_BYTES);
  return Math.max(0, Math.min(budgetBytes, Math.floor(usedBytes + space.freeBytes - reserve)));
}

export function highWaterBytes(capacity: number): number {
  return Math.floor(capacity * HIGH);
}

export function lowWaterBytes(capacity: number): number {
  return Math.floor(capacity * LOW);
}
