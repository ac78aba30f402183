/** A bug put in on purpose, from outside, between two parts of the program. */

import type { Sabotage } from "./life.ts";
import type { PromiseName } from "./promises.ts";

export interface SeededBug {
  /** Promises that it breaks; which of them first depends on the history. */
  readonly breaks: readonly PromiseName[];
  readonly sabotage: Sabotage;
}
