/** `musicfs man`: the manual page. */

import type { Command } from "commander";
import { version } from "../../package.json";
import { action } from "./context.ts";
import type { WholeProgram } from "./definition.ts";
import { manPage } from "./man/page.ts";
import { print } from "./output.ts";

const HELP = `
Examples:
  musicfs man | man -l -
  musicfs man > /usr/local/share/man/man1/musicfs.1`;

export function setUp(command: Command, wholeProgram: WholeProgram): void {
  command.addHelpText("after", HELP).action(
    action(async () => {
      print(manPage(await wholeProgram(), version).trimEnd());
      return undefined;
    }),
  );
}
