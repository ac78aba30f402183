/** A history from a seed. */

import { Dice } from "../support/dice.ts";
import { DISK_MOODS, HARMS } from "./cache_disk.ts";
import { drawRule } from "./draw_fault.ts";
import { drawSetup } from "./draw_setup.ts";
import type { History, Operation, OriginName } from "./operations.ts";
import { drawContent, drawPair, SCENES } from "./scenes.ts";

const NAMES = ["x", "y", "z.flac"] as const;
const DIRECTORIES = ["", "", "", "p", "p", "p/q"] as const;
const SLOTS = 4;

/** How often each operation comes; a history draws its own from this. */
const WEIGHTS = {
  put: 10,
  edit: 5,
  copy: 3,
  remove: 4,
  rename: 3,
  make_directory: 1,
  fault: 9,
  heal: 6,
  degrade: 1,
  blank: 1,
  lose_watch: 1,
  set_priority: 2,
  enable: 2,
  detach: 1,
  attach: 2,
  scan: 5,
  check: 2,
  restart: 0.4,
  kill: 0.8,
  pin: 1,
  clear_cache: 0.5,
  cache_disk: 0.5,
  harm_cache: 0.2,
  stat: 6,
  list: 4,
  open: 14,
  read: 28,
  close: 4,
  wait: 16,
  sleep_machine: 0.3,
} as const satisfies Record<Operation["do"], number>;

export const DEFAULT_STEPS = 70;
/** How often a scene comes in the place of a single operation. */
const SCENE_SHARE = 0.06;
/** How often a path is one that was used before, and a slot one that may be open. */
const KNOWN_SHARE = 0.75;
const KNOWN_PATHS = 6;

export function generate(seed: number, steps = DEFAULT_STEPS): History {
  const dice = new Dice(seed);
  const setup = drawSetup(dice);
  const draw = new Draw(
    dice,
    setup.origins.map(({ id }) => id),
  );
  const operations: Operation[] = [];
  for (const operation of draw.beginning()) operations.push(operation);
  while (operations.length < steps) operations.push(...draw.next());
  return { seed, setup, operations };
}

type Weights = Record<Operation["do"], number>;

/** Draws operations that are likely to make sense where they come. */
class Draw {
  readonly #weights: Weights;
  /** Those to which something may happen: what another one holds must always be readable. */
  readonly #restless: readonly OriginName[];
  readonly #large: boolean;
  readonly #paths: string[] = [];
  readonly #open = new Set<number>();

  constructor(
    readonly dice: Dice,
    readonly names: readonly OriginName[],
  ) {
    const steady = dice.chance(0.5) ? dice.one(names) : undefined;
    this.#restless = names.filter((name) => name !== steady);
    this.#large = dice.chance(0.15);
    this.#weights = drawWeights(dice);
  }

  /** Files that are there when the applications come. */
  beginning(): Operation[] {
    const { dice, names } = this;
    const operations: Operation[] = [];
    for (let file = 1 + dice.below(5); file > 0; file--) {
      const path = this.#newPath();
      if (dice.chance(0.3)) {
        // The same name and size, and other bytes.
        const [one, other] = drawPair(dice, this.#large);
        operations.push({ do: "put", on: names, path, content: one });
        operations.push({ do: "put", on: [dice.one(names)], path, content: other });
      } else {
        const on = dice.chance(0.6) ? names : names.filter(() => dice.chance(0.5));
        operations.push({ do: "put", on, path, content: drawContent(dice, this.#large) });
      }
    }
    for (const on of names) operations.push({ do: "scan", on, allowEmpty: false });
    operations.push({ do: "wait", ms: 200 });
    return operations;
  }

  next(): readonly Operation[] {
    const { dice, names } = this;
    if (this.#restless.length === 0 || !dice.chance(SCENE_SHARE)) return [this.#one()];
    const scene = dice.one(Object.values(SCENES));
    const path = this.#path();
    const slot = dice.below(SLOTS);
    this.#open.add(slot);
    return scene(dice, { names, restless: this.#restless, path, slot });
  }

  #one(): Operation {
    const { dice, names } = this;
    const on = dice.one(names);
    const victim = this.#restless.length === 0 ? undefined : dice.one(this.#restless);
    const kind = dice.weighted(this.#weights);
    switch (kind) {
      case "put": {
        const some = names.filter(() => dice.chance(0.5));
        const path = this.#newPath();
        const content = drawContent(dice, this.#large);
        return { do: kind, on: some.length === 0 ? [on] : some, path, content };
      }
      case "edit":
        return { do: kind, on, path: this.#path(), keepsMtime: dice.chance(0.6) };
      case "copy":
        return { do: kind, from: on, path: this.#path(), on: dice.one(names), to: this.#newPath() };
      case "remove":
      case "make_directory":
        return { do: kind, on, path: this.#path() };
      case "rename":
        return { do: kind, on, path: this.#path(), to: this.#newPath() };
      case "fault":
        if (victim === undefined) return { do: "wait", ms: 10 };
        return { do: kind, on: victim, rule: drawRule(dice, () => this.#path()) };
      case "heal":
        return { do: kind, on: victim ?? on };
      case "lose_watch":
        return { do: kind, on: victim ?? on, ends: dice.chance(0.6) };
      case "blank":
        if (victim === undefined) return { do: "wait", ms: 10 };
        return { do: kind, on: victim, blank: dice.chance(0.6) };
      case "degrade":
        return { do: kind, on: victim ?? on, degraded: dice.chance(0.6) };
      case "set_priority":
      case "attach":
        return { do: kind, on, priority: dice.below(4) };
      case "enable":
        if (victim === undefined) return { do: "wait", ms: 10 };
        return { do: kind, on: victim, enabled: dice.chance(0.5) };
      case "detach":
        if (victim === undefined) return { do: "wait", ms: 10 };
        return { do: kind, on: victim };
      case "scan":
        return { do: kind, on, allowEmpty: dice.chance(0.2) };
      case "check":
        return { do: kind, on };
      case "restart":
      case "kill":
        this.#open.clear();
        return { do: kind };
      case "pin":
        return { do: kind, path: this.#path(), pinned: dice.chance(0.7) };
      case "clear_cache":
        return { do: kind, path: dice.chance(0.5) ? "" : this.#path(), pins: dice.chance(0.3) };
      case "cache_disk":
        return { do: kind, mood: dice.one(["well", "well", ...DISK_MOODS]) };
      case "harm_cache": {
        const at = dice.one([0, dice.below(300_000)]);
        return { do: kind, harm: dice.one(HARMS), which: dice.below(10), at };
      }
      case "stat":
        return { do: kind, path: this.#path() };
      case "list":
        return { do: kind, path: dice.one(DIRECTORIES) };
      case "open": {
        const slot = dice.below(SLOTS);
        this.#open.add(slot);
        return { do: kind, slot, path: this.#path() };
      }
      case "read":
        return this.#read();
      case "close": {
        const slot = this.#slot();
        this.#open.delete(slot);
        return { do: kind, slot };
      }
      case "wait": {
        const ms = dice.one([0, 1, 60, 700, 2500, 11_000, 31_000, dice.below(70_000)]);
        return { do: kind, ms };
      }
      case "sleep_machine":
        return { do: kind, ms: 11_000 + dice.below(100_000) };
    }
  }

  #read(): Operation {
    const { dice } = this;
    const lengthBytes = dice.one([1, 777, 4096, 10_000, 300_000]);
    return {
      do: "read",
      slot: this.#slot(),
      at: dice.one([0, 0, dice.below(1000), 999, 1050]),
      lengthBytes: Math.max(1, lengthBytes - dice.below(5)),
      direct: dice.chance(0.5),
      interruptMs: dice.chance(0.1) ? dice.below(1500) : undefined,
    };
  }

  #slot(): number {
    const { dice } = this;
    const isKnown = this.#open.size > 0 && dice.chance(KNOWN_SHARE);
    return isKnown ? dice.one([...this.#open]) : dice.below(SLOTS);
  }

  /** One that something may be at. */
  #path(): string {
    const { dice } = this;
    if (dice.chance(0.06)) return dice.one(["p", "p/q"]);
    return this.#paths.length > 0 && dice.chance(KNOWN_SHARE)
      ? dice.one(this.#paths)
      : this.#newPath();
  }

  /** One that something may come to. */
  #newPath(): string {
    const { dice } = this;
    const directory = dice.one(DIRECTORIES);
    const name = dice.one(NAMES);
    const path = directory === "" ? name : `${directory}/${name}`;
    if (!this.#paths.includes(path)) this.#paths.push(path);
    if (this.#paths.length > KNOWN_PATHS) this.#paths.shift();
    return path;
  }
}

/** Some operations become rare or frequent, so that histories differ in kind. */
function drawWeights(dice: Dice): Weights {
  const weights: Weights = { ...WEIGHTS };
  for (const key of Object.keys(weights) as Operation["do"][]) {
    weights[key] *= dice.one([0.2, 1, 1, 1, 2]);
  }
  return weights;
}
