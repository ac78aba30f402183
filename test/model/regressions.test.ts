/** Histories that once broke a rule, as short as they got, under the name of what was wrong. */

import { describe, expect, test } from "bun:test";
import type { Operation, OriginName, OriginSetup, Setup } from "./operations.ts";
import { play } from "./play.ts";

function origin(id: OriginName, more: Partial<OriginSetup> = {}): OriginSetup {
  return {
    id,
    priority: 1,
    prefix: "",
    weak: false,
    watched: false,
    attached: true,
    pageEntries: 1000,
    maxConcurrency: 64,
    cache: false,
    ...more,
  };
}

const SETUP: Setup = {
  origins: [origin("a")],
  failover: "probable",
  onMismatch: "refuse",
  hedge: true,
  readDeadlineMs: 30_000,
  storeDelayMs: 0,
  revalidateSecs: 60,
  pollIntervalSecs: 900,
  cacheBudgetBytes: 0,
  cacheDelayMs: 0,
};

/** Equal in all but their priority. */
const TWO: Partial<Setup> = { origins: [origin("a"), origin("b", { priority: 3 })] };

function history(name: string, setup: Partial<Setup>, operations: readonly Operation[]): void {
  test(name, async () => {
    const { violation } = await play({ seed: 1, setup: { ...SETUP, ...setup }, operations });
    expect(violation?.message).toBeUndefined();
  });
}

describe("a history that went wrong once", () => {
  history(
    "an open answers ESTALE once, though the file changed on all of its origins",
    { origins: [origin("a"), origin("b", { priority: 0 }), origin("c", { priority: 2 })] },
    [
      { do: "put", on: ["a", "b", "c"], path: "p/y", content: 0 },
      { do: "wait", ms: 63_554 },
      { do: "put", on: ["a", "b", "c"], path: "p/y", content: 2 },
      { do: "rename", on: "b", path: "p/y", to: "p/z.flac" },
      { do: "open", slot: 0, path: "p/y" },
    ],
  );

  history(
    "NFR-7.2 a read that is looked at twice ends within the deadline",
    {
      origins: [origin("a"), origin("b", { priority: 3 }), origin("c", { priority: 0 })],
      readDeadlineMs: 3000,
    },
    [
      { do: "put", on: ["a", "b", "c"], path: "x", content: 11 },
      { do: "open", slot: 3, path: "x" },
      { do: "fault", on: "c", rule: { fault: { kind: "short", lengthBytes: 100 } } },
      {
        do: "read",
        slot: 3,
        at: 830,
        lengthBytes: 299_996,
        direct: false,
        interruptMs: undefined,
      },
      { do: "fault", on: "c", rule: { fault: { kind: "slow", delayMs: 8000 }, on: ["stat"] } },
      { do: "wait", ms: 11_000 },
    ],
  );

  history(
    "the preferred version is shown again though its origin was never unhealthy",
    {
      origins: [
        origin("a", { priority: 0, prefix: "p" }),
        origin("b", { priority: 3, prefix: "p" }),
        origin("c"),
      ],
      revalidateSecs: 0,
    },
    [
      { do: "put", on: ["a", "c"], path: "p/x", content: 9 },
      { do: "put", on: ["b"], path: "x", content: 10 },
      {
        do: "fault",
        on: "c",
        rule: { fault: { kind: "error", code: "timeout" }, on: ["stat"], skip: 1, times: 3 },
      },
      { do: "wait", ms: 31_000 },
      { do: "open", slot: 1, path: "p/x" },
    ],
  );

  history(
    "F-9 a listing under way asks a removed origin for nothing more",
    { origins: [origin("a"), origin("b", { pageEntries: 1 })] },
    [
      { do: "put", on: ["b"], path: "x", content: 3 },
      { do: "put", on: ["b"], path: "y", content: 3 },
      { do: "fault", on: "b", rule: { fault: { kind: "slow", delayMs: 900 }, on: ["stat"] } },
      { do: "list", path: "" },
      { do: "wait", ms: 100 },
      { do: "detach", on: "b" },
      { do: "wait", ms: 2500 },
    ],
  );

  history(
    "a stop while directories are being listed leaves no request behind that meets a closed catalog",
    { origins: [origin("a"), origin("b")], storeDelayMs: 40 },
    [
      { do: "put", on: ["a", "b"], path: "p/q/y", content: 1 },
      { do: "list", path: "" },
      { do: "open", slot: 1, path: "p/y" },
      { do: "restart" },
    ],
  );

  history("a failed read of an open file is EIO, whatever the origin says of the file", {}, [
    { do: "put", on: ["a"], path: "y", content: 3 },
    { do: "open", slot: 0, path: "y" },
    { do: "remove", on: "a", path: "y" },
    { do: "read", slot: 0, at: 0, lengthBytes: 4096, direct: true, interruptMs: undefined },
    {
      do: "fault",
      on: "a",
      rule: { fault: { kind: "error", code: "denied" }, on: ["read"] },
    },
    { do: "read", slot: 0, at: 1, lengthBytes: 4096, direct: true, interruptMs: undefined },
  ]);

  history(
    "a replica that changes while it is fingerprinted is nobody's fault",
    { origins: [origin("a"), origin("b", { priority: 0 })] },
    [
      { do: "put", on: ["a", "b"], path: "y", content: 9 },
      { do: "scan", on: "a", allowEmpty: false },
      { do: "scan", on: "b", allowEmpty: false },
      { do: "wait", ms: 500 },
      { do: "open", slot: 0, path: "y" },
      { do: "put", on: ["a"], path: "y", content: 11 },
      { do: "read", slot: 0, at: 0, lengthBytes: 12_288, direct: true, interruptMs: undefined },
      { do: "wait", ms: 500 },
    ],
  );

  history("replicas are not compared any more once their origin is disabled", TWO, [
    { do: "put", on: ["a", "b"], path: "p/x", content: 14 },
    { do: "open", slot: 0, path: "p/x" },
    {
      do: "read",
      slot: 0,
      at: 0,
      lengthBytes: 300_000,
      direct: false,
      interruptMs: undefined,
    },
    { do: "enable", on: "a", enabled: false },
  ]);

  history(
    "S-3 a file is seen in directories that are new with it, below one that another origin has",
    {
      origins: [
        origin("a", { priority: 2, prefix: "p", watched: true }),
        origin("c", { priority: 2, watched: true }),
      ],
    },
    [
      { do: "wait", ms: 33_304 },
      { do: "put", on: ["c"], path: "p/q/y", content: 3 },
      { do: "open", slot: 0, path: "p/q/y" },
      { do: "wait", ms: 65_921 },
      { do: "stat", path: "p/q/y" },
    ],
  );

  history("a directory's mtime moves when names go with the origin whose mtime it was", {}, [
    { do: "put", on: ["a"], path: "y", content: 5 },
    { do: "scan", on: "a", allowEmpty: false },
    { do: "list", path: "" },
    { do: "detach", on: "a" },
    { do: "list", path: "" },
  ]);

  history(
    "a read behind a scan at an origin that does one thing at once goes on elsewhere, as it should",
    {
      origins: [origin("b", { watched: true, maxConcurrency: 1 }), origin("c", { priority: 3 })],
    },
    [
      { do: "put", on: ["b", "c"], path: "p/y", content: 10 },
      {
        do: "fault",
        on: "b",
        rule: { fault: { kind: "slow", delayMs: 900 }, on: ["list", "stat", "read", "probe"] },
      },
      { do: "wait", ms: 40_000 },
      { do: "open", slot: 3, path: "p/y" },
      { do: "read", slot: 3, at: 0, lengthBytes: 300_000, direct: true, interruptMs: undefined },
      { do: "put", on: ["b"], path: "p/x", content: 11 },
      { do: "scan", on: "b", allowEmpty: false },
      { do: "wait", ms: 1000 },
      { do: "read", slot: 3, at: 0, lengthBytes: 299_998, direct: false, interruptMs: undefined },
      { do: "wait", ms: 54_562 },
    ],
  );

  history(
    "a proved replica whose weak tokens hide an edit is told as that, and as nothing worse",
    {
      origins: [origin("a", { priority: 2, weak: true }), origin("d")],
      failover: "proved",
    },
    [
      { do: "put", on: ["a", "d"], path: "x", content: 11 },
      { do: "open", slot: 1, path: "x" },
      { do: "read", slot: 1, at: 0, lengthBytes: 5000, direct: true, interruptMs: undefined },
      { do: "wait", ms: 900 },
      { do: "edit", on: "a", path: "x", keepsMtime: true },
      { do: "enable", on: "d", enabled: false },
    ],
  );

  history(
    "a replica that is probably the same may change unseen where tokens are weak",
    { origins: [origin("a", { priority: 2, weak: true }), origin("c", { priority: 0 })] },
    [
      { do: "put", on: ["a"], path: "p/q/x", content: 15 },
      { do: "put", on: ["c"], path: "p/q/x", content: 14 },
      { do: "open", slot: 1, path: "p/q/x" },
      { do: "read", slot: 1, at: 0, lengthBytes: 80_000, direct: false, interruptMs: undefined },
      { do: "open", slot: 3, path: "p/q/x" },
      { do: "wait", ms: 2500 },
      { do: "detach", on: "c" },
      { do: "edit", on: "a", path: "p/q/x", keepsMtime: true },
      { do: "read", slot: 3, at: 0, lengthBytes: 299_997, direct: false, interruptMs: undefined },
    ],
  );

  history(
    "a directory that is hidden and shown again lists what it holds then",
    {
      origins: [origin("b", { priority: 2 }), origin("c", { prefix: "p" })],
      storeDelayMs: 3,
    },
    [
      { do: "put", on: ["b", "c"], path: "p/x", content: 6 },
      { do: "detach", on: "b" },
      { do: "enable", on: "a", enabled: false },
      { do: "enable", on: "d", enabled: false },
      { do: "rename", on: "b", path: "p/x", to: "z.flac" },
      { do: "list", path: "p" },
      { do: "attach", on: "b", priority: 3 },
      { do: "enable", on: "c", enabled: false },
    ],
  );

  history(
    "a small cache is used again once its disk is no longer full",
    { origins: [origin("b", { cache: true })], cacheBudgetBytes: 400_000 },
    [
      { do: "put", on: ["b"], path: "p/z.flac", content: 7 },
      { do: "cache_disk", mood: "full" },
      { do: "open", slot: 2, path: "p/z.flac" },
      { do: "read", slot: 2, at: 0, lengthBytes: 773, direct: false, interruptMs: undefined },
      { do: "wait", ms: 700 },
    ],
  );

  history(
    "a file that was moved goes once its directory is listed, though the origin looked empty before",
    { origins: [origin("a", { watched: true })] },
    [
      { do: "put", on: ["a"], path: "z.flac", content: 2 },
      { do: "put", on: ["a"], path: "p/z.flac", content: 9 },
      { do: "wait", ms: 14_628 },
      { do: "rename", on: "a", path: "p/z.flac", to: "p/q/x" },
      { do: "blank", on: "a", blank: true },
      { do: "wait", ms: 58_359 },
      { do: "put", on: ["a"], path: "p/x", content: 4 },
    ],
  );

  history(
    "S-3 a watched change that could not be listed at once is seen later",
    { origins: [origin("a", { watched: true })] },
    [
      { do: "put", on: ["a"], path: "p/x", content: 1 },
      { do: "wait", ms: 5000 },
      { do: "stat", path: "p/y" },
      {
        do: "fault",
        on: "a",
        rule: { fault: { kind: "error", code: "overloaded" }, on: ["list"], times: 1 },
      },
      { do: "put", on: ["a"], path: "p/y", content: 1 },
      { do: "wait", ms: 1000 },
      { do: "heal", on: "a" },
      { do: "wait", ms: 92_000 },
      { do: "stat", path: "p/y" },
    ],
  );

  history(
    "S-3 what the first scan after a watch began left out is seen later",
    { origins: [origin("a", { watched: true })] },
    [
      { do: "put", on: ["a"], path: "p/x", content: 1 },
      { do: "wait", ms: 5000 },
      { do: "stat", path: "p/y" },
      { do: "lose_watch", on: "a", ends: true },
      { do: "wait", ms: 1000 },
      { do: "put", on: ["a"], path: "p/y", content: 1 },
      {
        do: "fault",
        on: "a",
        rule: { fault: { kind: "error", code: "denied" }, on: ["list"], at: "p" },
      },
      { do: "wait", ms: 60_000 },
      { do: "heal", on: "a" },
      { do: "wait", ms: 1_100_000 },
      { do: "stat", path: "p/y" },
    ],
  );

  history(
    "F-4 an origin that is being added is none yet when all others become unhealthy",
    {
      origins: [origin("b", { cache: true }), origin("c", { priority: 2, cache: true })],
      storeDelayMs: 40,
      cacheBudgetBytes: 100_000,
      cacheDelayMs: 3,
    },
    [
      { do: "detach", on: "b" },
      { do: "put", on: ["c"], path: "x", content: 16 },
      { do: "wait", ms: 500 },
      {
        do: "fault",
        on: "c",
        rule: { fault: { kind: "error", code: "connection" }, on: ["read", "probe"] },
      },
      { do: "open", slot: 2, path: "x" },
      { do: "read", slot: 2, at: 0, lengthBytes: 4096, direct: true, interruptMs: undefined },
      { do: "read", slot: 2, at: 999, lengthBytes: 9996, direct: false, interruptMs: undefined },
      { do: "set_priority", on: "a", priority: 1 },
      { do: "enable", on: "a", enabled: false },
      { do: "attach", on: "b", priority: 3 },
    ],
  );

  history(
    "NFR-7.1 a file that is removed is read from the cache by whoever has it open",
    { origins: [origin("a", { prefix: "p", cache: true })], cacheBudgetBytes: 400_000 },
    [
      { do: "put", on: ["a"], path: "y", content: 5 },
      { do: "put", on: ["a"], path: "x", content: 4 },
      { do: "open", slot: 0, path: "p/x" },
      { do: "open", slot: 3, path: "p/x" },
      { do: "read", slot: 0, at: 841, lengthBytes: 9999, direct: false, interruptMs: undefined },
      { do: "remove", on: "a", path: "x" },
      { do: "read", slot: 3, at: 1050, lengthBytes: 4092, direct: true, interruptMs: undefined },
      { do: "wait", ms: 31_000 },
      { do: "read", slot: 3, at: 0, lengthBytes: 4094, direct: true, interruptMs: undefined },
    ],
  );

  test("removals that a watch tells of and that are held back are told by a scan", async () => {
    const told: string[] = [];
    const setup = { ...SETUP, origins: [origin("a", { watched: true })] };
    const operations: readonly Operation[] = [
      { do: "put", on: ["a"], path: "x", content: 1 },
      { do: "wait", ms: 5000 },
      { do: "remove", on: "a", path: "x" },
      { do: "wait", ms: 5000 },
    ];
    const trace = (line: string) => told.push(line.trim());
    const { violation } = await play({ seed: 1, setup, operations }, { trace });
    expect(violation?.message).toBeUndefined();
    const during = told.slice(told.indexOf('2 remove on="a" path="x"'));
    expect(during.some((line) => line.includes('"outcome":"held"'))).toBe(true);
  });
});
