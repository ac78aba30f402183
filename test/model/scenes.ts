/**
 * Short sequences of operations that lead somewhere together, where single ones seldom do. A history
 * has a few of them among its other operations.
 */

import type { Dice } from "../support/dice.ts";
import { CONTENTS } from "./contents.ts";
import type { Operation, OriginName } from "./operations.ts";

/** From this content on files are large, and take time. */
export const LARGE = 12;
/** Contents of one size, some of them hard to tell apart. */
const LIKE: readonly (readonly [number, number])[] = [
  [2, 3],
  [7, 8],
  [9, 10],
  [9, 10],
  [9, 11],
  [12, 13],
  [14, 15],
  [14, 15],
];

export interface SceneSetting {
  readonly names: readonly OriginName[];
  /** Those to which something may happen; at least one. */
  readonly restless: readonly OriginName[];
  readonly path: string;
  readonly slot: number;
}

type Scene = (dice: Dice, setting: SceneSetting) => Operation[];

export const SCENES = {
  /** The preferred origin dies in the middle of a file that another holds under the same size. */
  failover(dice, setting) {
    const [one, other] = dice.chance(0.8) ? dice.one(LIKE) : [9, 9];
    const firstBytes = dice.one([100, 4096, 300_000]);
    return failOver(dice, setting, { one, other, firstBytes, restMs: dice.one([0, 500]) });
  },
  /** The other one is not compared yet, and the same as far as was read. */
  seam(dice, setting) {
    return failOver(dice, setting, { one: 9, other: 10, firstBytes: 4000, restMs: 0 });
  },
  /** The other one was compared, and looks the same. */
  fingerprint(dice, setting) {
    const [one, other] = dice.one([
      [14, 15],
      [15, 14],
    ] as const);
    return failOver(dice, setting, { one, other, firstBytes: 80_000, restMs: 1000 });
  },
  /** A file becomes another one under an open handle. */
  edit(dice, { names, path, slot }) {
    const on = dice.one(names);
    return [
      { do: "put", on: [on], path, content: dice.below(LARGE) },
      { do: "scan", on, allowEmpty: false },
      { do: "wait", ms: 300 },
      { do: "close", slot },
      { do: "open", slot, path },
      read(slot, 0, 4096, false),
      dice.chance(0.5)
        ? { do: "put", on: [on], path, content: dice.below(LARGE) }
        : { do: "edit", on, path, keepsMtime: true },
      read(slot, 300, 9000, dice.chance(0.5)),
      { do: "stat", path },
      { do: "open", slot: slot + 1, path },
      read(slot + 1, 0, 300_000, false),
      { do: "close", slot: slot + 1 },
    ];
  },
  /** An origin is taken away while it is being read, listed and scanned. */
  detach(dice, { restless, path, slot }) {
    const on = dice.one(restless);
    return [
      { do: "fault", on, rule: { fault: dice.one([HANG, SLOW]), on: ["read", "list", "stat"] } },
      { do: "scan", on, allowEmpty: false },
      { do: "open", slot, path },
      { do: "list", path: "" },
      read(slot, 0, 5000, true),
      { do: "wait", ms: dice.one([0, 30, 900]) },
      { do: "detach", on },
      { do: "wait", ms: 40_000 },
      { do: "attach", on, priority: dice.below(4) },
    ];
  },
  /** A storage that is away while it is scanned looks empty, or does not answer. */
  unplug(dice, { restless, path }) {
    const on = dice.one(restless);
    const fault = dice.one([
      { kind: "error", code: "not_found" },
      { kind: "error", code: "not_mounted" },
      { kind: "cut_listing", afterPages: 1, code: "connection" },
      { kind: "cut_listing", afterPages: 0, code: "io" },
    ] as const);
    return [
      { do: "fault", on, rule: { fault, on: dice.one([["list"], ["list", "stat"]] as const) } },
      { do: "scan", on, allowEmpty: false },
      { do: "wait", ms: 500 },
      { do: "stat", path },
      { do: "list", path: dice.one(["", "p"]) },
      { do: "heal", on },
    ];
  },
  /** The program dies in the middle of a scan. */
  crash(dice, { names, path }) {
    const on = dice.one(names);
    return [
      { do: "put", on: [on], path, content: dice.below(LARGE) },
      { do: "scan", on, allowEmpty: false },
      { do: "wait", ms: dice.one([0, 5, 50]) },
      { do: "kill" },
      { do: "stat", path },
      { do: "list", path: "" },
    ];
  },
  /** What was read is read again while no origin answers, in this life of the program or the next. */
  offline(dice, { names, path, slot }) {
    const content = dice.one([9, 12, 14, 16]);
    const again = (["restart", "kill", undefined] as const)[dice.below(3)];
    return [
      { do: "put", on: names, path, content },
      ...names.map((on): Operation => ({ do: "scan", on, allowEmpty: false })),
      { do: "wait", ms: 500 },
      { do: "close", slot },
      { do: "open", slot, path },
      read(slot, 0, 300_000, dice.chance(0.5)),
      { do: "wait", ms: dice.one([50, 2500]) },
      ...(again === undefined ? [] : [{ do: again } as const]),
      ...names.map((on): Operation => ({ do: "fault", on, rule: { fault: DOWN } })),
      { do: "open", slot: slot + 1, path },
      read(slot + 1, dice.one([0, 300, 700]), dice.one([4096, 300_000]), true),
      read(slot + 1, dice.below(1000), 70_000, true),
      { do: "wait", ms: dice.one([0, 31_000]) },
      read(slot + 1, 0, 300_000, dice.chance(0.5)),
      { do: "close", slot: slot + 1 },
      ...names.map((on): Operation => ({ do: "heal", on })),
    ];
  },
  /** What was cached is damaged, and read again. */
  damage(dice, { names, path, slot }) {
    const at = dice.one([0, 5000, 66_000]);
    return [
      { do: "put", on: names, path, content: dice.one([9, 12, 16]) },
      ...names.map((on): Operation => ({ do: "scan", on, allowEmpty: false })),
      { do: "wait", ms: 500 },
      { do: "close", slot },
      { do: "open", slot, path },
      read(slot, 0, 300_000, true),
      { do: "wait", ms: dice.one([50, 2500]) },
      { do: "harm_cache", harm: dice.one(["flip", "flip", "truncate"]), which: dice.below(3), at },
      ...(dice.chance(0.5) ? [] : [{ do: "restart" } as const]),
      { do: "open", slot: slot + 1, path },
      read(slot + 1, 0, 300_000, true),
      read(slot + 1, dice.below(1000), 70_000, true),
      { do: "close", slot: slot + 1 },
    ];
  },
  /** All origins become unhealthy, and one comes back. */
  blackout(dice, { names, path, slot }) {
    return [
      { do: "open", slot, path },
      ...names.map(
        (on): Operation => ({
          do: "fault",
          on,
          rule: { fault: dice.one([HANG, DOWN]), on: ["read", "probe"] },
        }),
      ),
      read(slot, 0, 777, true),
      { do: "wait", ms: 100_000 },
      read(slot, 0, 777, true),
      read(slot, 1, 778, true),
      { do: "heal", on: dice.one(names) },
      { do: "wait", ms: 31_000 },
      read(slot, 0, 777, true),
    ];
  },
} as const satisfies Record<string, Scene>;

interface Death {
  /** What the dying origin holds, and what the others do. */
  readonly one: number;
  readonly other: number;
  /** Read before its death, and the time until then. */
  readonly firstBytes: number;
  readonly restMs: number;
}

function failOver(
  dice: Dice,
  { names, restless, path, slot }: SceneSetting,
  { one, other, firstBytes, restMs }: Death,
): Operation[] {
  const dying = dice.one(restless);
  const code = dice.one(["connection", "timeout", "device_gone"] as const);
  return [
    { do: "put", on: names.filter((name) => name !== dying), path, content: other },
    { do: "put", on: [dying], path, content: one },
    { do: "set_priority", on: dying, priority: 0 },
    ...names.map((on): Operation => ({ do: "scan", on, allowEmpty: false })),
    { do: "wait", ms: 500 },
    { do: "close", slot },
    { do: "open", slot, path },
    read(slot, 0, firstBytes, dice.chance(0.3)),
    { do: "wait", ms: restMs },
    { do: "fault", on: dying, rule: { fault: { kind: "error", code }, on: ["read", "probe"] } },
    read(slot, dice.one([300, 500, 800]), dice.one([1, 4096, 300_000]), dice.chance(0.5)),
    { do: "wait", ms: dice.one([0, 3000]) },
    read(slot, dice.below(1000), 5001, true),
    read(slot, 0, 300_000, false),
    { do: "close", slot },
  ];
}

const HANG = { kind: "hang" } as const;
const SLOW = { kind: "slow", delayMs: 900 } as const;
const DOWN = { kind: "error", code: "connection" } as const;

function read(slot: number, at: number, lengthBytes: number, direct: boolean): Operation {
  return { do: "read", slot, at, lengthBytes, direct, interruptMs: undefined };
}

export function drawContent(dice: Dice, large: boolean): number {
  return dice.below(large ? CONTENTS.length : LARGE);
}

export function drawPair(dice: Dice, large: boolean): readonly [number, number] {
  return dice.one(large ? LIKE : LIKE.filter(([one]) => one < LARGE));
}
