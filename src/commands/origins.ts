/** `musicfs origins`: its subcommands. */

import type { Command } from "commander";
import { setUp as setUpAdd } from "./origins/add.ts";
import { setUp as setUpLs } from "./origins/ls.ts";
import { setUp as setUpRm } from "./origins/rm.ts";
import { setUp as setUpSet } from "./origins/set.ts";
import { setUp as setUpToggle } from "./origins/toggle.ts";

const HELP = `
They are changed in the configuration file, which keeps its comments and order.

Examples:
  musicfs origins add disk --type local --path /srv/music --priority 1
  musicfs origins set disk --priority 2
  musicfs origins ls --json
  musicfs origins rm disk`;

export function setUp(command: Command): void {
  command.addHelpText("after", HELP);
  setUpAdd(command.command("add").description("add an origin to the configuration"));
  setUpSet(command.command("set").description("change an origin's settings"));
  setUpRm(command.command("rm").description("remove an origin from the configuration"));
  setUpLs(command.command("ls").description("list the configured origins"));
  setUpToggle(command.command("enable").description("use an origin"), true);
  setUpToggle(command.command("disable").description("leave an origin alone"), false);
}
