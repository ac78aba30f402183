/** A second or two of each target from a fixed seed, and every input that is kept, as tests of their own. */

import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { NO_REPLY, REPLY_BYTES } from "../../src/core/fuse/session.ts";
import { Memory } from "../../src/core/sys/memory.ts";
import { MemoryFileSystem } from "../core/fuse/memory_file_system.ts";
import { startedSession } from "../core/fuse/requests.ts";
import { Dice } from "../support/dice.ts";
import { keptInputs } from "./corpus.ts";
import { failureOf, fuzz } from "./fuzz.ts";
import { mutation } from "./mutation.ts";
import { type FuzzTarget, fuzzed, must } from "./target.ts";
import { fuse } from "./targets/fuse.ts";
import { FUZZ_TARGETS } from "./targets.ts";

const SEED = 1;
const REQUESTS = 5000;
/** Where a reply says what went wrong (struct fuse_out_header). */
const ERROR_AT = 4;

describe.each(FUZZ_TARGETS.map((target) => [target.name, target] as const))("%s", (_, target) => {
  test(`keeps its promises for ${target.smokeInputs} inputs`, async () => {
    const { inputs, failure } = await fuzz(target, { seed: SEED, inputs: target.smokeInputs });
    if (failure !== undefined) {
      throw new Error(`seed ${failure.seed}: ${String(failure.error)}`, { cause: failure.error });
    }
    expect(inputs).toBe(target.smokeInputs);
  }, 60_000);

  test("takes what it starts from, and what once failed", async () => {
    await using taker = await target.start();
    const seeds = target.seeds.map((bytes, at) => ({ name: `seed ${at}`, bytes }));
    for (const { name, bytes } of [...seeds, ...keptInputs(target.name)]) {
      expect([name, await failureOf(taker, bytes)]).toEqual([name, undefined]);
    }
  });
});

test("mutated requests are answered, refused and dropped, each of them often", async () => {
  const reply = new Memory(REPLY_BYTES);
  const fileSystem = new MemoryFileSystem();
  const roads = { answered: 0, refused: 0, dropped: 0 };
  for (let n = 0; n < REQUESTS; n++) {
    const request = mutation(fuse.seeds, fuse.tokens, new Dice(n));
    if (request.byteLength >= 4)
      Buffer.from(request.buffer, request.byteOffset).writeUInt32LE(request.byteLength);
    const session = startedSession(fileSystem, { reply, onError: () => undefined });
    const length = session.handle(request);
    if (length === NO_REPLY) roads.dropped++;
    else if (reply.view.getInt32(ERROR_AT, true) < 0) roads.refused++;
    else roads.answered++;
  }
  for (const count of Object.values(roads)) expect(count).toBeGreaterThan(REQUESTS / 20);
});

test("every kept input belongs to a target", () => {
  const known = FUZZ_TARGETS.map(({ name }) => name);
  for (const name of readdirSync(join(import.meta.dir, "corpus"))) expect(known).toContain(name);
});

describe("fuzz()", () => {
  /** Fails for a NUL behind an X, which no seed has. */
  const fragile: FuzzTarget = {
    name: "fragile",
    seeds: [Buffer.from("a long text without the letter")],
    tokens: ["X"],
    smokeInputs: 0,
    start: () => fuzzed((input) => must(!Buffer.from(input).includes("X\0"), "X and NUL")),
  };

  test("finds a failure, and makes its input as short as it gets", async () => {
    const { failure } = await fuzz(fragile, { seed: 1, inputs: 1_000_000 });
    expect(failure).toMatchObject({ error: { message: "X and NUL" } });
    expect(Buffer.from(failure?.input ?? []).toString()).toBe("X\0");
    const again = await fuzz(fragile, { seed: failure?.seed ?? 0, inputs: 1 });
    expect(again.failure?.seed).toBe(failure?.seed);
  });

  test("throws the same inputs for the same seed, and others for another", () => {
    const inputs = (seed: number) =>
      Array.from({ length: 50 }, (_, n) =>
        Buffer.from(mutation(fragile.seeds, fragile.tokens, new Dice(seed + n))).toString("hex"),
      );
    expect(inputs(1)).toEqual(inputs(1));
    expect(new Set(inputs(1)).size).toBeGreaterThan(40);
    expect(inputs(1)).not.toEqual(inputs(1000));
  });
});
