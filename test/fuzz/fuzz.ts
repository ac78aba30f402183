/** Mutated inputs one after the other, until one fails or it is enough. Input `n` of seed `s` is input 0 of seed `s + n`. */

import { Dice } from "../support/dice.ts";
import { keptInputs } from "./corpus.ts";
import { mutation } from "./mutation.ts";
import type { Fuzzed, FuzzTarget } from "./target.ts";

/** An input that takes longer than this is a failure: no parser may be made to stall. */
const STALL_MS = 2000;

export interface FuzzOptions {
  readonly seed: number;
  readonly inputs: number;
  /** False ends it. */
  readonly goOn?: () => boolean;
}

export interface FuzzFailure {
  readonly seed: number;
  readonly error: unknown;
  /** As short as it gets. */
  readonly input: Uint8Array;
}

export interface FuzzResult {
  readonly inputs: number;
  readonly failure: FuzzFailure | undefined;
}

export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzResult> {
  const { seed, inputs, goOn = () => true } = options;
  const corpus = [...target.seeds, ...keptInputs(target.name).map(({ bytes }) => bytes)];
  await using fuzzed = await target.start();
  let done = 0;
  while (done < inputs && goOn()) {
    const input = mutation(corpus, target.tokens, new Dice(seed + done));
    const error = await failureOf(fuzzed, input);
    if (error !== undefined) {
      const short = await shortened(target, input);
      return { inputs: done, failure: { seed: seed + done, error, input: short } };
    }
    done++;
  }
  return { inputs: done, failure: undefined };
}

/** What the target throws; undefined when all is well. */
export async function failureOf({ take }: Fuzzed, input: Uint8Array): Promise<unknown> {
  const startedMs = performance.now();
  try {
    const taking = take(input.slice());
    if (taking !== undefined) await taking;
  } catch (error) {
    return error ?? new Error("something was thrown that is nothing");
  }
  const tookMs = performance.now() - startedMs;
  return tookMs > STALL_MS ? new Error(`took ${Math.round(tookMs)} ms`) : undefined;
}

/** Takes pieces out of an input, ever smaller ones, for as long as it still fails. */
async function shortened(target: FuzzTarget, input: Uint8Array): Promise<Uint8Array> {
  let shortest = Buffer.from(input);
  for (let piece = Math.ceil(shortest.length / 2); piece > 0; piece = Math.floor(piece / 2)) {
    for (let at = 0; at < shortest.length; ) {
      const shorter = Buffer.concat([shortest.subarray(0, at), shortest.subarray(at + piece)]);
      await using fuzzed = await target.start();
      if ((await failureOf(fuzzed, shorter)) === undefined) at += piece;
      else shortest = shorter;
    }
  }
  return shortest;
}
