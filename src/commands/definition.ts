/** What commander knows of a command, read for completion and the man page: nothing is said twice. */

import type { Argument, Command, Option } from "commander";

/** Makes the program with everything that each of its commands adds. */
export type WholeProgram = () => Promise<Command>;

/** Options that a person may write behind the command: its own and the program's. */
export function optionsOf(command: Command): readonly Option[] {
  const ancestors: Command[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) ancestors.push(at);
  return ancestors.flatMap((each) => each.options.filter(({ hidden }) => !hidden));
}

/** Subcommands that help shows, without `help` itself. */
export function commandsOf(command: Command): readonly Command[] {
  const shown = command.createHelp().visibleCommands(command);
  return shown.filter((each) => command.commands.includes(each));
}

/** What stands for the value in the flags: `FILE` in `--config <FILE>`; undefined: it takes none. */
export function placeholderOf(option: Option): string | undefined {
  return /[<[](.+)[>\]]$/.exec(option.flags)?.[1];
}

/** The values of which one is to be given, where there is such a list. */
export function choicesOf(value: Option | Argument): readonly string[] {
  if (value.argChoices !== undefined) return value.argChoices;
  const placeholder = "flags" in value ? placeholderOf(value) : value.name();
  return placeholder?.includes("|") ? placeholder.split("|") : [];
}

/** True for an option whose value may be left out. */
export function isValueOptional(option: Option): boolean {
  // Brackets within a placeholder make commander set both.
  return option.optional && !option.required;
}

/** The text that follows the lists in its help: notes and examples. Later help goes nowhere. */
export function notesOf(command: Command): string {
  let text = "";
  const writeOut = (more: string) => {
    text += more;
  };
  command.configureOutput({ writeOut }).outputHelp();
  return text.slice(command.helpInformation().length).replace(/^\n+|\n+$/g, "");
}
