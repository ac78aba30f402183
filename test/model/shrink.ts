/**
 * Makes a failing history as short as it gets: delta debugging (Zeller & Hildebrandt, 2002) over its
 * operations, then a simpler setup.
 */

import type { History, Operation, OriginSetup, Setup } from "./operations.ts";

/** Whether the history still fails in the way that is looked for. */
export type Fails = (history: History) => Promise<boolean>;

export async function shrink(history: History, fails: Fails): Promise<History> {
  let best = await shrinkOperations(history, fails);
  for (const simplify of simplifications(best.setup)) {
    const candidate = { ...best, setup: { ...best.setup, ...simplify(best.setup) } };
    if (await fails(candidate)) best = candidate;
  }
  return shrinkOperations(best, fails);
}

async function shrinkOperations(history: History, fails: Fails): Promise<History> {
  let operations = history.operations;
  for (let size = Math.ceil(operations.length / 2); size >= 1; ) {
    let shorter: readonly Operation[] | undefined;
    for (let at = 0; at < operations.length && shorter === undefined; at += size) {
      const rest = [...operations.slice(0, at), ...operations.slice(at + size)];
      if (await fails({ ...history, operations: rest })) shorter = rest;
    }
    if (shorter !== undefined) operations = shorter;
    else if (size === 1) break;
    else size = Math.ceil(size / 2);
  }
  return { ...history, operations };
}

type Simplify = (setup: Setup) => Partial<Setup>;

/** Steps to settings that are easier to think about; each is of use after any of the others. */
function simplifications({ origins }: Setup): Simplify[] {
  return [
    () => ({ storeDelayMs: 0 }),
    () => ({ hedge: true }),
    () => ({ onMismatch: "refuse" }),
    () => ({ failover: "probable" }),
    () => ({ readDeadlineMs: 30_000 }),
    () => ({ revalidateSecs: 60 }),
    () => ({ pollIntervalSecs: 900 }),
    ...origins.flatMap(({ id }) => [
      (setup: Setup) => ({ origins: setup.origins.filter((origin) => origin.id !== id) }),
      change(id, { prefix: "" }),
      change(id, { weak: false }),
      change(id, { watched: false }),
      change(id, { pageEntries: 1000 }),
      change(id, { maxConcurrency: 64 }),
      change(id, { attached: true }),
    ]),
  ];
}

function change(id: string, simpler: Partial<OriginSetup>): Simplify {
  return ({ origins }) => ({
    origins: origins.map((origin) => (origin.id === id ? { ...origin, ...simpler } : origin)),
  });
}
