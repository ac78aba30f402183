/**
 * SIGKILL at random instants of mounting, scanning, reading, editing origins and unmounting, of the
 * compiled binary on real mounts. `MUSICFS_CRASH_ROUNDS=300` makes it long, `MUSICFS_CRASH_SEED`
 * repeats what a run did, as far as instants repeat.
 */

import { expect } from "bun:test";
import { Dice } from "../support/dice.ts";
import { needing } from "../support/needs.ts";
import { BindfsMount } from "./support/bindfs.ts";
import { CrashRounds } from "./support/crash_rounds.ts";
import { Workspace } from "./support/musicfs.ts";

const ROUNDS = Number(process.env["MUSICFS_CRASH_ROUNDS"] ?? 10);
const SEED = Number(process.env["MUSICFS_CRASH_SEED"] ?? Date.now() % 1e9);
const ROUND_MS = 20_000;

needing("root", "fuse", "bindfs").test(
  `${ROUNDS} times kill -9 lose nothing and leave nothing (NFR-7.2)`,
  async () => {
    using workspace = new Workspace("crash");
    await using share = await BindfsMount.create();
    await using rounds = new CrashRounds(workspace, new Dice(SEED), share.tree.root);
    for (let round = 1; round <= ROUNDS; round++) {
      try {
        await rounds.round();
      } catch (error) {
        throw new Error(`seed ${SEED}, round ${round}: ${String(error)}`, { cause: error });
      }
    }
    await rounds.check();
    const kills = Object.values(rounds.kills).reduce((sum, n) => sum + n, 0);
    expect(kills).toBe(ROUNDS);
    console.log(`killed: ${JSON.stringify(rounds.kills)}, seed ${SEED}`);
  },
  ROUND_MS * (ROUNDS + 1),
);
