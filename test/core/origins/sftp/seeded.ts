/** Repeatable randomness: the same seed gives the same test; FUZZ_SEED in the environment sets it. */

export interface Seeded {
  readonly seed: number;
  /** Uniform in 0..below-1. */
  readonly next: (below: number) => number;
}

export function seeded(fallback: number): Seeded {
  const { FUZZ_SEED } = process.env;
  const seed = Number(FUZZ_SEED ?? fallback);
  let state = seed >>> 0;
  return {
    seed,
    next(below) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    },
  };
}
