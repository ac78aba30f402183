/** Plays a history from beginning to end and says what was wrong with it. */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endWell } from "./ending.ts";
import { describeOperation, type History } from "./operations.ts";
import { perform } from "./perform.ts";
import type { ReadCounts } from "./read_class.ts";
import type { Violation } from "./violation.ts";
import { World, type WorldOptions } from "./world.ts";

export interface Played {
  readonly violation: Violation | undefined;
  readonly steps: number;
  readonly reads: Readonly<ReadCounts>;
}

/** Memory where there is some: the catalog's durability is not what is looked at. */
const PLACE = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export async function play(history: History, options: WorldOptions = {}): Promise<Played> {
  const directory = mkdtempSync(join(PLACE, "musicfs-model-"));
  const world = new World(history, directory, options);
  try {
    await world.start();
    for (const [step, operation] of history.operations.entries()) {
      if (world.violation !== undefined) break;
      world.step = step;
      options.trace?.(`${step} ${describeOperation(operation)}`);
      await perform(world, operation);
      await world.look();
    }
    world.step = history.operations.length;
    if (world.violation === undefined) await endWell(world);
  } catch (error) {
    world.fail("no faults", error instanceof Error ? (error.stack ?? error.message) : "thrown");
  } finally {
    await world.abandon();
    rmSync(directory, { recursive: true, force: true });
  }
  return { violation: world.violation, steps: world.step, reads: world.versions.counts };
}
