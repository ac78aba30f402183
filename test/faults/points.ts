/** Every point of the story at which something can fail, made to fail in turn. */

import { Strikes } from "./strikes.ts";

export interface FaultPoints<Fault extends { readonly name: string }> {
  readonly faults: readonly Fault[];
  /** Tells the story with this failure; answers what went wrong. */
  readonly tell: (fault: Fault, strikes: Strikes) => Promise<readonly string[]>;
  /** Every so many points are tried; all of them with `MUSICFS_LONG=1`. Default 1. */
  readonly stride?: number;
}

export interface PointsTried {
  readonly stories: number;
  /** The first of them, each with the point that it takes to see it again. */
  readonly failures: readonly string[];
}

const MAX_FAILURES = 5;

/** Limit of a test of many stories; with `MUSICFS_LONG=1` it takes minutes. */
export const LONG_TEST_MS = 3_600_000;

const LONG = process.env["MUSICFS_LONG"] === "1";

/**
 * The n-th call fails, for all n: alone, and with every later one. Without `MUSICFS_LONG=1` a point
 * is tried one of the two ways, in turn.
 */
export async function tryPoints<Fault extends { readonly name: string }>(
  points: FaultPoints<Fault>,
): Promise<PointsTried> {
  const stride = LONG ? 1 : (points.stride ?? 1);
  const failures: string[] = [];
  let stories = 0;
  for (const fault of points.faults) {
    let happened = true;
    for (let nth = 0; happened && failures.length < MAX_FAILURES; nth += stride) {
      const ways = LONG ? [false, true] : [(nth / stride) % 2 === 1];
      for (const lasting of ways) {
        const strikes = new Strikes({ nth, lasting });
        const violations = await points.tell(fault, strikes);
        stories++;
        happened = strikes.happened;
        const where = `${fault.name} at call ${nth}${lasting ? " and later" : ""}`;
        const what = strikes.struck[0] ?? "none";
        for (const each of violations) failures.push(`${where} (${what}): ${each}`);
      }
    }
  }
  return { stories, failures };
}
