/** What a run of checks and tests came to. */
export interface Tally {
  readonly passed: number;
  /** One line each: the test or check, and why where that is known. */
  readonly failed: readonly string[];
  /** Titles of the tests left out; each says in its title what the machine lacks. */
  readonly skipped: readonly string[];
}

export const NOTHING: Tally = { passed: 0, failed: [], skipped: [] };

export function passed(): Tally {
  return { ...NOTHING, passed: 1 };
}

export function failed(...lines: readonly string[]): Tally {
  return { ...NOTHING, failed: lines };
}

export function sum(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((total, tally) => total + tally.passed, 0),
    failed: tallies.flatMap((tally) => tally.failed),
    skipped: tallies.flatMap((tally) => tally.skipped),
  };
}

/**
 * The line that the continuous integration reads: `N passed, N failed`, and `, N skipped` where tests were left out.
 * It never looks like success when nothing ran.
 */
export function tallyLine(tally: Tally): string {
  const failures = tally.passed === 0 ? Math.max(1, tally.failed.length) : tally.failed.length;
  const skipped = tally.skipped.length > 0 ? `, ${tally.skipped.length} skipped` : "";
  return `${tally.passed} passed, ${failures} failed${skipped}`;
}
