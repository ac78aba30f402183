/** Whether one more read may be asked of a second origin: at most HEDGE_SHARE of all may. */

import { HEDGE_BURST, HEDGE_SHARE } from "../limits.ts";

export class HedgeBudget {
  #earned = 0;

  /** A read that somebody waits for has begun. */
  earn(): void {
    this.#earned = Math.min(this.#earned + HEDGE_SHARE, HEDGE_BURST);
  }

  /** Takes leave for a second request; false when the share is used up. */
  take(): boolean {
    if (this.#earned < 1) return false;
    this.#earned--;
    return true;
  }
}
