/**
 * Obeys a server that asks for fewer requests (503 SlowDown, 429): none is sent until the time it
 * named is over. Short rests are waited for; a long one fails requests at once, so that other
 * replicas serve meanwhile.
 */

import { type Clock, sleep } from "../../clock.ts";
import { S3_PAUSE_MS, S3_PAUSE_PATIENCE_MS } from "../../limits.ts";

export class Pause {
  readonly #clock: Clock;
  #endMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now on for `ms`; a pause under way is never shortened. Default S3_PAUSE_MS. */
  begin(ms: number = S3_PAUSE_MS): void {
    this.#endMs = Math.max(this.#endMs, this.#clock.monotonicMs() + ms);
  }

  /** Milliseconds until requests may be sent; 0 outside of a pause. */
  get leftMs(): number {
    return Math.max(0, this.#endMs - this.#clock.monotonicMs());
  }

  /**
   * Resolves outside of a pause: true, or false when there is more left of it than is waited for.
   * Rejects with `cancelled` when the signal aborts.
   */
  async over(signal?: AbortSignal): Promise<boolean> {
    while (this.leftMs > 0) {
      if (this.leftMs > S3_PAUSE_PATIENCE_MS) return false;
      await sleep(this.#clock, this.leftMs, signal);
    }
    return true;
  }
}
