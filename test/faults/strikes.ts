/** The n-th call fails: counting the calls of a scenario, and the one (or all from there on) that fail. */

export interface StrikePlan {
  /** Which call fails, from 0 on. -1: none. */
  readonly nth: number;
  /** Every later one fails, too, until `lift`. */
  readonly lasting?: boolean;
}

export class Strikes {
  /** Calls so far. */
  count = 0;
  /** Names of the calls that failed. */
  readonly struck: string[] = [];
  #lifted = false;

  constructor(readonly plan: StrikePlan) {}

  /** Counts a call; true when it is to fail. */
  next(name: string): boolean {
    const at = this.count++;
    const { nth, lasting = false } = this.plan;
    if (this.#lifted || nth < 0 || at < nth || (at > nth && !lasting)) return false;
    this.struck.push(name);
    return true;
  }

  /** Nothing fails from now on. */
  lift(): void {
    this.#lifted = true;
  }

  /** True once the call that the plan names was made. */
  get happened(): boolean {
    return this.count > this.plan.nth;
  }
}
