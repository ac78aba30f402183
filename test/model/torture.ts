/** Histories one after the other, until one fails or the time is up. */

import { generate } from "./generate.ts";
import type { Sabotage } from "./life.ts";
import { describeOperation, type History } from "./operations.ts";
import { type Played, play } from "./play.ts";
import { noReads, type ReadClass, type ReadCounts } from "./read_class.ts";
import { shrink } from "./shrink.ts";
import type { Trace } from "./trace_watch.ts";
import type { WorldOptions } from "./world.ts";

export interface Failure {
  /** It was played on the real mount. */
  readonly isMounted: boolean;
  readonly seed: number;
  readonly promise: string;
  readonly message: string;
  /** As short as it gets. */
  readonly history: History;
}

export interface Sums {
  histories: number;
  steps: number;
  readonly reads: ReadCounts;
}

export interface TortureOptions {
  readonly fromSeed: number;
  /** Histories to be played at most. */
  readonly histories: number;
  /** False ends it. */
  readonly goOn?: () => boolean;
  readonly sabotage?: Sabotage;
  /** Default: on virtual time. */
  readonly play?: (history: History, options: WorldOptions) => Promise<Played>;
  readonly trace?: Trace;
  readonly onPlayed?: (sums: Sums) => void;
  /** Default: a failing history is made short. */
  readonly shrinks?: boolean;
}

/** The first failure, if there is one. */
export async function torture(
  options: TortureOptions,
): Promise<{ readonly sums: Sums; readonly failure: Failure | undefined }> {
  const { fromSeed, histories, sabotage = {}, goOn = () => true } = options;
  const player = options.play ?? play;
  const sums: Sums = {
    histories: 0,
    steps: 0,
    reads: noReads(),
  };
  for (let seed = fromSeed; seed < fromSeed + histories && goOn(); seed++) {
    const history = generate(seed);
    const { violation, steps, reads } = await player(history, options);
    add(sums, { violation, steps, reads });
    options.onPlayed?.(sums);
    if (violation === undefined) continue;
    const { promise, message } = violation;
    const failsSo = async (shorter: History) =>
      shorter.setup.origins.length > 0 &&
      (await player(shorter, { sabotage })).violation?.promise === promise;
    const short = options.shrinks === false ? history : await shrink(history, failsSo);
    return {
      sums,
      failure: { seed, promise, message, isMounted: options.play !== undefined, history: short },
    };
  }
  return { sums, failure: undefined };
}

/** For people, and for a test: the history as it is written in regressions.test.ts. */
export function describeFailure({ seed, message, history, isMounted }: Failure): string {
  return [
    `seed ${seed}: ${message}`,
    `repeat it: npm run torture -- --seed ${seed} --histories 1${isMounted ? " --mount" : ""}`,
    "shrunk to:",
    `  ${JSON.stringify(history.setup)}`,
    ...history.operations.map((operation, step) => `  ${step} ${describeOperation(operation)}`),
    "as a test:",
    `  ${JSON.stringify(history)}`,
  ].join("\n");
}

function add(sums: Sums, { steps, reads }: Played): void {
  sums.histories++;
  sums.steps += steps;
  for (const key of Object.keys(sums.reads) as ReadClass[]) sums.reads[key] += reads[key];
}
