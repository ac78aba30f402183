/** The manual page, from the definitions of the commands. */

import type { Argument, Command, Option } from "commander";
import { choicesOf, commandsOf, isValueOptional, notesOf, placeholderOf } from "../definition.ts";
import { bold, entry, italic, quoted, roff, section, subsection, verbatim } from "./roff.ts";

const FILES: readonly (readonly [path: string, what: string])[] = [
  ["$XDG_CONFIG_HOME/musicfs/config.toml, ~/.config/musicfs/config.toml", "the configuration"],
  ["/etc/musicfs/config.toml", "the configuration of root"],
  ["$XDG_CACHE_HOME/musicfs, ~/.cache/musicfs", "catalog, cache and the log of mount --daemon"],
  ["/var/cache/musicfs", "the same, of root"],
  ["$XDG_RUNTIME_DIR/musicfs, /run/musicfs", "sockets of running mounts"],
];

const ENVIRONMENT: readonly (readonly [name: string, what: string])[] = [
  ["MUSICFS_CONFIG", "as --config"],
  ["MUSICFS_CACHE_DIR", "as --cache-dir"],
  ["MUSICFS_MOUNT_POINT", "the mount point, in place of the configuration's"],
  ["MUSICFS_LOG_LEVEL", "as --log-level"],
  ["NO_COLOR", "when set, nothing is printed in colour"],
];

const EXIT_STATUS: readonly (readonly [code: string, what: string])[] = [
  ["0", "done"],
  ["1", "failed"],
  ["2", "wrong usage or configuration"],
  ["3", "partly done: some origin failed or was held"],
  ["4", "busy: another process holds the lock"],
];

/** `version` as `musicfs --version` has it, without commit and runtime. */
export function manPage(program: Command, version: string): string {
  const name = program.name();
  const commands = commandsOf(program);
  return [
    `.TH ${quoted(name.toUpperCase())} 1 "" ${quoted(`${name} ${version}`)} "User Commands"`,
    section("NAME", `${roff(name)} \\- ${roff(withoutFullStop(program.description()))}`),
    section("SYNOPSIS", `${bold(name)} [${italic("option")}...] ${italic("command")} ...`),
    section("COMMANDS", ...leaves(commands).flatMap(describeCommand)),
    section("OPTIONS", roff("These may stand before or after any command."), ...describe(program)),
    section("ENVIRONMENT", ...ENVIRONMENT.map(([tag, what]) => entry(bold(tag), what))),
    section("FILES", ...FILES.map(([tag, what]) => entry(italic(tag), what))),
    section(
      "EXIT STATUS",
      ...EXIT_STATUS.map(([tag, what]) => entry(bold(tag), what)),
      ".PP",
      roff("health and doctor give the numbers 1 to 3 meanings of their own; see there."),
    ),
    section(
      "SEE ALSO",
      `${bold("mount")}(8), ${bold("fusermount3")}(1), ${bold("mount.fuse3")}(8)`,
    ),
    "",
  ].join("\n");
}

/** Commands, each followed by its own. */
function leaves(commands: readonly Command[]): readonly Command[] {
  return commands.flatMap((command) => [command, ...leaves(commandsOf(command))]);
}

function describeCommand(command: Command): readonly string[] {
  const notes = notesOf(command);
  return [
    subsection(fullName(command), synopsis(command), ".PP", roff(sentence(command.description()))),
    ...command.registeredArguments.map(describeArgument),
    ...describe(command),
    ...(notes === "" ? [] : [verbatim(notes)]),
  ];
}

function fullName(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${fullName(parent)} ${command.name()}`;
}

function synopsis(command: Command): string {
  return `${bold(fullName(command))} ${roff(command.usage())}`;
}

function describeArgument(argument: Argument): string {
  return entry(italic(argument.name()), described(argument));
}

function describe({ options }: Command): readonly string[] {
  return options.filter(({ hidden }) => !hidden).map(describeOption);
}

function describeOption(option: Option): string {
  const names = [option.short, option.long].filter((name) => name !== undefined).map(bold);
  const value = placeholderOf(option);
  const shown = value === undefined ? "" : ` ${italic(value)}`;
  return entry(
    `${names.join(", ")}${isValueOptional(option) ? ` [${shown.trim()}]` : shown}`,
    described(option),
  );
}

function described(value: Option | Argument): string {
  const choices = value.argChoices === undefined ? [] : choicesOf(value);
  const oneOf = choices.length === 0 ? "" : ` (one of ${choices.join(", ")})`;
  return sentence(`${value.description}${oneOf}`);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${withoutFullStop(text.slice(1))}.`;
}

function withoutFullStop(text: string): string {
  return text.replace(/\.$/, "");
}
