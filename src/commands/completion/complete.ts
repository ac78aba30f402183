/** What can stand at the end of a command line that is being typed, by the definitions of the commands. */

import type { Argument, Command, Option } from "commander";
import { choicesOf, commandsOf, isValueOptional, optionsOf, placeholderOf } from "../definition.ts";
import { repeatable } from "../repeatable.ts";

export interface Candidate {
  readonly text: string;
  readonly description: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** What the shell offers besides. */
  readonly paths: "files" | "directories" | "none";
}

/** What is not in the definitions. `configFile`: as `--config` has it on the line. */
export interface CompletionSources {
  readonly originIds: (configFile: string | undefined) => Promise<readonly string[]>;
}

/** How arguments and values of options are called that something is known of. */
const KINDS: Readonly<Record<string, "files" | "directories" | "origins">> = {
  FILE: "files",
  PATH: "files",
  path: "files",
  source: "files",
  DIR: "directories",
  mountpoint: "directories",
  "[ID=]PATH": "directories",
  id: "origins",
  origin: "origins",
};

const NOTHING: Completion = { candidates: [], paths: "none" };

/** `words`: what stands behind the program's name; the last is being typed and may be empty. */
export async function complete(
  program: Command,
  words: readonly string[],
  sources: CompletionSources,
): Promise<Completion> {
  const typed = words.at(-1) ?? "";
  const line = readLine(program, words.slice(0, -1));
  const { command, pending, positional } = line;
  const values = async (value: Option | Argument, start: string) =>
    starting(start, await valuesOf(value, line, sources));
  const isValue = pending !== undefined && !(isValueOptional(pending) && typed.startsWith("-"));
  if (isValue) return values(pending, typed === "=" ? "" : typed);
  const [flag = "", start] = line.optionsEnded ? [] : splitAtEquals(typed);
  if (start !== undefined) {
    const option = findOption(command, flag);
    if (option === undefined) return NOTHING;
    const found = await values(option, start);
    const candidates = found.candidates.map((each) => ({ ...each, text: `${flag}=${each.text}` }));
    return { ...found, candidates };
  }
  if (typed.startsWith("-") && !line.optionsEnded) return starting(typed, options(line));
  const subcommands = commandsOf(command);
  if (subcommands.length > 0 && positional === 0) return starting(typed, named(subcommands));
  const argument = argumentAt(command, positional);
  return argument === undefined ? NOTHING : values(argument, typed);
}

interface Line {
  readonly command: Command;
  /** Arguments so far. */
  readonly positional: number;
  /** The option whose value comes next. */
  readonly pending: Option | undefined;
  /** Those that may not be given again are no longer offered. */
  readonly given: ReadonlySet<Option>;
  readonly configFile: string | undefined;
  /** After `--`. */
  readonly optionsEnded: boolean;
}

function readLine(program: Command, words: readonly string[]): Line {
  let command = program;
  let positional = 0;
  let pending: Option | undefined;
  let configFile: string | undefined;
  let optionsEnded = false;
  const given = new Set<Option>();
  for (const word of words) {
    // bash takes "--option=value" for three words.
    if (pending !== undefined && word === "=") continue;
    if (pending !== undefined && !(isValueOptional(pending) && word.startsWith("-"))) {
      if (pending.long === "--config") configFile = word;
      pending = undefined;
      continue;
    }
    pending = undefined;
    if (optionsEnded || !word.startsWith("-") || word === "-") {
      const next = positional === 0 ? commandNamed(command, word) : undefined;
      if (next === undefined) positional++;
      else command = next;
    } else if (word === "--") {
      optionsEnded = true;
    } else {
      const [flag, value] = splitAtEquals(word);
      const option = findOption(command, flag);
      if (option === undefined) continue;
      given.add(option);
      if (value === undefined && placeholderOf(option) !== undefined) pending = option;
      if (value !== undefined && option.long === "--config") configFile = value;
    }
  }
  return { command, positional, pending, given, configFile, optionsEnded };
}

function commandNamed(command: Command, name: string): Command | undefined {
  return command.commands.find((each) => each.name() === name);
}

function findOption(command: Command, flag: string): Option | undefined {
  return optionsOf(command).find(({ long, short }) => long === flag || short === flag);
}

function splitAtEquals(word: string): readonly [flag: string, value: string | undefined] {
  const equals = word.startsWith("--") ? word.indexOf("=") : -1;
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

/** The last one again and again, where it takes any number. */
function argumentAt(command: Command, position: number): Argument | undefined {
  const { registeredArguments: all } = command;
  const last = all.at(-1);
  return all[position] ?? (last?.variadic === true ? last : undefined);
}

function options({ command, given }: Line): readonly Candidate[] {
  const help = command
    .createHelp()
    .visibleOptions(command)
    .find(({ long }) => long === "--help");
  return [...optionsOf(command), ...(help === undefined ? [] : [help])]
    .filter((option) => !given.has(option) || option.parseArg === repeatable)
    .map(({ long, short, description }) => ({ text: long ?? short ?? "", description }));
}

function named(commands: readonly Command[]): readonly Candidate[] {
  return commands.map((each) => ({ text: each.name(), description: each.description() }));
}

interface Values {
  readonly candidates: readonly Candidate[];
  readonly paths: Completion["paths"];
}

async function valuesOf(
  value: Option | Argument,
  { configFile }: Line,
  { originIds }: CompletionSources,
): Promise<Values> {
  const plain = (texts: readonly string[]) => texts.map((text) => ({ text, description: "" }));
  const choices = choicesOf(value);
  if (choices.length > 0) return { candidates: plain(choices), paths: "none" };
  const kind = KINDS["flags" in value ? (placeholderOf(value) ?? "") : value.name()];
  if (kind === "origins") return { candidates: plain(await originIds(configFile)), paths: "none" };
  return { candidates: [], paths: kind ?? "none" };
}

function starting(typed: string, found: Values | readonly Candidate[]): Completion {
  const { candidates, paths }: Values =
    "paths" in found ? found : { candidates: found, paths: "none" };
  return { candidates: candidates.filter(({ text }) => text.startsWith(typed)), paths };
}
