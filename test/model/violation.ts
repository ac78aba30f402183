import type { PromiseName } from "./promises.ts";

/** A promise was broken. */
export class Violation extends Error {
  override readonly name = "Violation";

  constructor(
    readonly promise: PromiseName,
    readonly detail: string,
    /** The step it came with; -1 for the end of the history. */
    readonly step: number,
  ) {
    super(`${promise}: ${detail} (step ${step})`);
  }
}
