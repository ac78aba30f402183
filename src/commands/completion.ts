/** `musicfs completion`: what a shell needs to complete the commands of musicfs. */

import { Argument, type Command } from "commander";
import { SCRIPTS, SHELLS, type Shell } from "./completion/scripts.ts";
import { action } from "./context.ts";
import { print } from "./output.ts";

const HELP = `
Examples:
  eval "$(musicfs completion bash)"                                       in ~/.bashrc
  musicfs completion bash > /etc/bash_completion.d/musicfs
  musicfs completion zsh > "\${fpath[1]}/_musicfs"
  musicfs completion fish > ~/.config/fish/completions/musicfs.fish`;

export function setUp(command: Command): void {
  command
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .addHelpText("after", HELP)
    .action(
      action(async (shell: Shell) => {
        print(SCRIPTS[shell].trimEnd());
        return undefined;
      }),
    );
}
