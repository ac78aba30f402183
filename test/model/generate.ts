/** A history from a seed. */

import type { Fault } from "../../src/core/origins/wrappers/faults.ts";
import { OPERATIONS, type OperationKind } from "../../src/core/origins/wrappers/wrapped.ts";
import { Dice } from "../support/dice.ts";
import { CONTENTS } from "./contents.ts";
import type { History, Operation, OriginName, OriginSetup, Setup } from "./operations.ts";
import { drawContent, drawPair, SCENES } from "./scenes.ts";

const ORIGINS: readonly OriginName[] = ["a", "b", "c", "d"];
const NAMES = ["x", "y", "z.flac"] as const;
const DIRECTORIES = ["", "", "", "p", "p", "p/q"] as const;
const SLOTS = 4;

const FAULTS: readonly Fault[] = [
  { kind: "error", code: "connection" },
  { kind: "error", code: "timeout" },
  { kind: "error", code: "io" },
  { kind: "error", code: "not_found" },
  { kind: "error", code: "denied" },
  { kind: "error", code: "credentials" },
  { kind: "error", code: "device_gone" },
  { kind: "error", code: "overloaded" },
  { kind: "hang" },
  { kind: "slow", delayMs: 40 },
  { kind: "slow", delayMs: 900 },
  { kind: "slow", delayMs: 8000 },
  { kind: "short", lengthBytes: 100 },
  { kind: "wrong_size", byBytes: 1 },
  { kind: "wrong_size", byBytes: -1 },
  { kind: "cut_listing", afterPages: 0, code: "connection" },
  { kind: "cut_listing", afterPages: 1, code: "io" },
  { kind: "cut_listing", afterPages: 1, code: "not_found" },
];

/** How often each operation comes; a history draws its own from this. */
const WEIGHTS = {
  put: 14,
  put_unseen: 3,
  remove: 4,
  rename: 3,
  make_directory: 1,
  fault: 8,
  heal: 6,
  degrade: 1,
  set_priority: 2,
  enable: 2,
  detach: 1,
  attach: 2,
  scan: 5,
  check: 2,
  restart: 0.4,
  kill: 0.8,
  stat: 6,
  list: 4,
  open: 12,
  read: 22,
  close: 5,
  wait: 16,
  sleep_machine: 0.3,
} as const satisfies Record<Operation["do"], number>;

export const DEFAULT_STEPS = 70;
/** How often a scene comes in the place of a single operation. */
const SCENE_SHARE = 0.04;

export function generate(seed: number, steps = DEFAULT_STEPS): History {
  const dice = new Dice(seed);
  const setup = drawSetup(dice);
  const names = setup.origins.map(({ id }) => id);
  // An origin that nothing happens to: what it holds must always be readable.
  const steady = dice.chance(0.5) ? dice.one(names) : undefined;
  const weights = drawWeights(dice);
  const large = dice.chance(0.15);
  const operations = populate(dice, names, large);
  const restless = names.filter((name) => name !== steady);
  while (operations.length < steps) {
    if (restless.length > 0 && dice.chance(SCENE_SHARE)) {
      const scene = dice.one(Object.values(SCENES));
      const slot = dice.below(SLOTS);
      operations.push(...scene(dice, { names, restless, path: drawPath(dice), slot }));
    } else operations.push(draw(dice, weights, names, steady, large));
  }
  return { seed, setup, operations };
}

/** Files that are there when the applications come. */
function populate(dice: Dice, names: readonly OriginName[], large: boolean): Operation[] {
  const operations: Operation[] = [];
  for (let file = dice.below(6); file > 0; file--) {
    const path = drawPath(dice);
    if (dice.chance(0.3)) {
      // The same name and size, and other bytes.
      const [one, other] = drawPair(dice, large);
      operations.push({ do: "put", on: names, path, content: one });
      operations.push({ do: "put", on: [dice.one(names)], path, content: other });
    } else {
      const on = dice.chance(0.6) ? names : names.filter(() => dice.chance(0.5));
      operations.push({ do: "put", on, path, content: drawContent(dice, large) });
    }
  }
  for (const on of names) operations.push({ do: "scan", on });
  operations.push({ do: "wait", ms: 200 });
  return operations;
}

function drawSetup(dice: Dice): Setup {
  const count = 1 + dice.below(ORIGINS.length);
  const weak = dice.chance(0.3);
  const origins = ORIGINS.slice(0, count).map(
    (id): OriginSetup => ({
      id,
      priority: dice.below(4),
      prefix: dice.chance(0.85) ? "" : "p",
      weak: weak && dice.chance(0.5),
      attached: dice.chance(0.85),
      pageEntries: dice.one([1, 2, 1000]),
      maxConcurrency: dice.one([1, 2, 64]),
    }),
  );
  return {
    origins,
    failover: dice.chance(0.75) ? "probable" : "proved",
    onMismatch: dice.chance(0.8) ? "refuse" : "serve",
    hedge: dice.chance(0.75),
    readDeadlineMs: dice.one([30_000, 30_000, 3000]),
    storeDelayMs: dice.one([0, 0, 3, 40]),
    revalidateSecs: dice.one([0, 60, 3600]),
    pollIntervalSecs: dice.one([60, 900]),
  };
}

type Weights = Record<Operation["do"], number>;

/** Some operations become rare or frequent, so that histories differ in kind. */
function drawWeights(dice: Dice): Weights {
  const weights: Weights = { ...WEIGHTS };
  for (const key of Object.keys(weights) as Operation["do"][]) {
    weights[key] *= dice.one([0.2, 1, 1, 1, 2]);
  }
  return weights;
}

function draw(
  dice: Dice,
  weights: Weights,
  names: readonly OriginName[],
  steady: OriginName | undefined,
  large: boolean,
): Operation {
  const origin = dice.one(names);
  const path = dice.chance(0.08) ? dice.one(["p", "p/q"]) : drawPath(dice);
  const restless = names.filter((name) => name !== steady);
  const victim = restless.length === 0 ? undefined : dice.one(restless);
  const kind = dice.weighted(weights);
  switch (kind) {
    case "put": {
      const on = names.filter(() => dice.chance(0.5));
      const content = drawContent(dice, large);
      return { do: kind, on: on.length === 0 ? [origin] : on, path, content };
    }
    case "put_unseen":
      return { do: kind, on: origin, path, content: 2 + dice.below(CONTENTS.length - 2) };
    case "remove":
      return { do: kind, on: origin, path };
    case "rename":
      return { do: kind, on: origin, path, to: drawPath(dice) };
    case "make_directory":
      return { do: kind, on: origin, path };
    case "fault":
      if (victim === undefined) return { do: "wait", ms: 10 };
      return { do: kind, on: victim, rule: drawRule(dice) };
    case "heal":
      return { do: kind, on: victim ?? origin };
    case "degrade":
      return { do: kind, on: victim ?? origin, degraded: dice.chance(0.6) };
    case "set_priority":
      return { do: kind, on: origin, priority: dice.below(4) };
    case "enable":
      if (victim === undefined) return { do: "wait", ms: 10 };
      return { do: kind, on: victim, enabled: dice.chance(0.5) };
    case "detach":
      if (victim === undefined) return { do: "wait", ms: 10 };
      return { do: kind, on: victim };
    case "attach":
      return { do: kind, on: origin, priority: dice.below(4) };
    case "scan":
    case "check":
      return { do: kind, on: origin };
    case "restart":
    case "kill":
      return { do: kind };
    case "stat":
      return { do: kind, path };
    case "list":
      return { do: kind, path: dice.one(DIRECTORIES) };
    case "open":
      return { do: kind, slot: dice.below(SLOTS), path };
    case "read": {
      const length = dice.one([1, 777, 4096, 10_000, 300_000]);
      return {
        do: kind,
        slot: dice.below(SLOTS),
        at: dice.one([0, 0, dice.below(1000), 999, 1050]),
        lengthBytes: Math.max(1, length - dice.below(5)),
        direct: dice.chance(0.5),
        interruptMs: dice.chance(0.1) ? dice.below(1500) : undefined,
      };
    }
    case "close":
      return { do: kind, slot: dice.below(SLOTS) };
    case "wait":
      return { do: kind, ms: dice.one([0, 1, 60, 700, 2500, 11_000, 31_000, dice.below(70_000)]) };
    case "sleep_machine":
      return { do: kind, ms: 11_000 + dice.below(100_000) };
  }
}

function drawPath(dice: Dice): string {
  const directory = dice.one(DIRECTORIES);
  const name = dice.one(NAMES);
  return directory === "" ? name : `${directory}/${name}`;
}

function drawRule(dice: Dice): Extract<Operation, { do: "fault" }>["rule"] {
  const fault = dice.one(FAULTS);
  const kinds: readonly (readonly OperationKind[])[] = [
    [...OPERATIONS],
    ["read"],
    ["read", "probe"],
    ["list"],
    ["stat"],
    ["list", "stat", "read"],
  ];
  const on = dice.one(kinds);
  return dice.chance(0.5)
    ? { fault, on }
    : { fault, on, skip: dice.below(3), times: 1 + dice.below(5) };
}
