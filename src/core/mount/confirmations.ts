/**
 * When a file's version was last seen to be what the catalog says, so that an open need not ask the
 * origin again within its `revalidate_secs`.
 */

import type { CatalogReader, Replica } from "../catalog/catalog.ts";
import type { Clock } from "../clock.ts";
import type { OriginId } from "../origins/origin.ts";

/** Versions remembered; the ones confirmed longest ago are forgotten first. */
const MAX_REMEMBERED = 16_384;

export class Confirmations {
  /** Wall-clock ms by "origin/version", oldest first. */
  readonly #seenMs = new Map<string, number>();

  constructor(
    readonly clock: Clock,
    readonly catalog: Pick<CatalogReader, "lastCompleteScanMs">,
    /** For how long an origin's word is believed, ms. */
    readonly believedMs: (origin: OriginId) => number,
    /** True while the origin tells of its changes by itself. */
    readonly watched: (origin: OriginId) => boolean,
  ) {}

  confirm(replica: Replica): void {
    const key = keyOf(replica);
    this.#seenMs.delete(key);
    this.#seenMs.set(key, this.clock.wallMs());
    if (this.#seenMs.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#seenMs.keys()) {
      this.#seenMs.delete(oldest);
      break;
    }
  }

  /** A complete scan confirmed everything that it did not change. */
  isFresh(replica: Replica): boolean {
    if (this.watched(replica.origin)) return true;
    return (
      this.#isRecent(replica.origin, this.#seenMs.get(keyOf(replica)) ?? 0) ||
      this.#isRecent(replica.origin, this.catalog.lastCompleteScanMs(replica.origin))
    );
  }

  #isRecent(origin: OriginId, seenMs: number): boolean {
    const ageMs = this.clock.wallMs() - seenMs;
    return ageMs >= 0 && ageMs < this.believedMs(origin);
  }

  get size(): number {
    return this.#seenMs.size;
  }
}

function keyOf(replica: Replica): string {
  return `${replica.origin}/${replica.version}`;
}
