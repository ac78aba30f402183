/** `musicfs cache clear`. */

import type { Command } from "commander";
import { shownBytes } from "../../core/quantities.ts";
import { action, contextOf } from "../context.ts";
import { print, printJson } from "../output.ts";
import { libraryPaths } from "./paths.ts";
import { openCacheSession } from "./session.ts";

interface ClearFlags {
  readonly pinned?: boolean;
}

const HELP = `
Files that are being read are fetched again as they go on.

Examples:
  musicfs cache clear
  musicfs cache clear "/mnt/music/Audio books"`;

export function setUp(command: Command): void {
  command
    .argument("[path...]", "only what lies at or below these")
    .option("--pinned", "also what is pinned; it stays pinned")
    .addHelpText("after", HELP)
    .action(
      action(async (given: readonly string[], { pinned = false }: ClearFlags) => {
        const context = contextOf(command);
        await using session = await openCacheSession(context);
        const { workingDirectory } = context.around;
        const { paths } = await libraryPaths(given, session, workingDirectory);
        const cleared = await session.cache.clear({ paths, pinned });
        if (context.json) printJson(cleared);
        else {
          const left = cleared.left_pinned_files;
          const rest = left === 0 ? "" : `; ${left} pinned files were left (--pinned)`;
          print(`removed ${cleared.files} files, ${shownBytes(cleared.bytes)}${rest}`);
        }
        return undefined;
      }),
    );
}
