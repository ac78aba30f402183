/** `musicfs origins enable` and `disable`. */

import type { Command } from "commander";
import { findOrigin } from "../../core/config/find.ts";
import { loadConfig } from "../../core/config/load.ts";
import { action, contextOf } from "../context.ts";
import { EXIT } from "../exit_code.ts";
import { changeOrigin } from "./change.ts";

export function setUp(command: Command, enabled: boolean): void {
  const example = `\nExample:\n  musicfs origins ${command.name()} nas`;
  command
    .argument("<id>", "the origin")
    .addHelpText("after", example)
    .action(
      action(async (id: string) => {
        const context = contextOf(command);
        const { config } = await loadConfig(context.flags, context.around);
        const isSo = findOrigin(config, id).enabled === enabled;
        await changeOrigin(context, id, { values: isSo ? {} : { enabled }, unset: [] });
        return EXIT.done;
      }),
    );
}
