/** Something that takes bytes from outside and must cope with all of them. */

export interface FuzzTarget {
  /** Also the directory of its corpus. */
  readonly name: string;
  /** Inputs to start from, besides those of its corpus. */
  readonly seeds: readonly Uint8Array[];
  /** What is worth putting into an input as a whole. */
  readonly tokens: readonly string[];
  /** Inputs of the short run within `npm test`: a second or two. */
  readonly smokeInputs: number;
  /** Makes ready whatever takes the inputs; servers, files and sessions live until it is disposed. */
  readonly start: () => Fuzzed | Promise<Fuzzed>;
}

export interface Fuzzed extends AsyncDisposable {
  /** Throws when the input makes the program break a promise. */
  readonly take: (input: Uint8Array) => void | Promise<void>;
}

/** Of a target that holds nothing. */
export function fuzzed(take: Fuzzed["take"]): Fuzzed {
  return { take, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** Runs `work`, which may throw only errors that `isPromised` knows. */
export function orElse(work: () => void, isPromised: (error: unknown) => boolean): void {
  try {
    work();
  } catch (error) {
    if (!isPromised(error)) throw error;
  }
}

export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

export const textOf = (input: Uint8Array): string => Buffer.from(input).toString();
