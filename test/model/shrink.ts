/**
 * Makes a failing history as short as it gets: delta debugging (Zeller & Hildebrandt, 2002) over its
 * operations, then a simpler setup.
 */

import type { History, Operation, Setup } from "./operations.ts";

/** Whether the history still fails in the way that is looked for. */
export type Fails = (history: History) => Promise<boolean>;

export async function shrink(history: History, fails: Fails): Promise<History> {
  let best = await shrinkOperations(history, fails);
  for (const simpler of simplerSetups(best.setup)) {
    const candidate = { ...best, setup: { ...best.setup, ...simpler } };
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

/** Settings that are easier to think about, one at a time. */
function simplerSetups(setup: Setup): Partial<Setup>[] {
  return [
    { storeDelayMs: 0 },
    { hedge: true },
    { onMismatch: "refuse" },
    { failover: "probable" },
    { readDeadlineMs: 30_000 },
    { revalidateSecs: 60 },
    { pollIntervalSecs: 900 },
    ...setup.origins.flatMap(({ id }) => [
      { origins: setup.origins.filter((origin) => origin.id !== id) },
      change(setup, id, { prefix: "" }),
      change(setup, id, { weak: false }),
      change(setup, id, { pageEntries: 1000 }),
      change(setup, id, { maxConcurrency: 64 }),
    ]),
  ];
}

function change(
  setup: Setup,
  id: string,
  simpler: Partial<Setup["origins"][number]>,
): Partial<Setup> {
  const origins = setup.origins.map((origin) =>
    origin.id === id ? { ...origin, ...simpler } : origin,
  );
  return { origins };
}
