/** In which ways origins fail. */

import { ORIGIN_ERRORS, type OriginErrorCode } from "../../src/core/errors.ts";
import type { Fault } from "../../src/core/origins/wrappers/faults.ts";
import { OPERATIONS, type OperationKind } from "../../src/core/origins/wrappers/wrapped.ts";
import type { Dice } from "../support/dice.ts";
import type { ModelRule } from "./operations.ts";

/** What happens most: more often drawn than every other code. */
const COMMON: readonly OriginErrorCode[] = [
  "connection",
  "timeout",
  "io",
  "not_found",
  "denied",
  "credentials",
  "device_gone",
  "overloaded",
];
const CODES = Object.keys(ORIGIN_ERRORS) as OriginErrorCode[];

const FAULTS: readonly Fault[] = [
  { kind: "hang" },
  { kind: "hang" },
  { kind: "slow", delayMs: 40 },
  { kind: "slow", delayMs: 900 },
  { kind: "slow", delayMs: 8000 },
  { kind: "short", lengthBytes: 100 },
  { kind: "short", lengthBytes: 0 },
  { kind: "wrong_size", byBytes: 1 },
  { kind: "wrong_size", byBytes: -1 },
  { kind: "cut_listing", afterPages: 0, code: "connection" },
  { kind: "cut_listing", afterPages: 1, code: "io" },
  { kind: "cut_listing", afterPages: 1, code: "not_found" },
];

const KINDS: readonly (readonly OperationKind[])[] = [
  [...OPERATIONS],
  ["read"],
  ["read", "probe"],
  ["list"],
  ["stat"],
  ["list", "stat", "read"],
];

export function drawRule(dice: Dice, path: () => string): ModelRule {
  const rule: ModelRule = { fault: drawFault(dice), on: dice.one(KINDS) };
  const at = dice.chance(0.2) ? { at: path() } : {};
  const some = dice.chance(0.5) ? { skip: dice.below(3), times: 1 + dice.below(5) } : {};
  return { ...rule, ...at, ...some };
}

function drawFault(dice: Dice): Fault {
  if (dice.chance(0.4)) return { kind: "error", code: dice.one(COMMON) };
  if (dice.chance(0.15)) return { kind: "error", code: dice.one(CODES) };
  return dice.one(FAULTS);
}
