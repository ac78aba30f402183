/** `musicfs cache unpin`. */

import type { Command } from "commander";
import { displayText } from "../../core/bytes.ts";
import { action, contextOf } from "../context.ts";
import { print, printJson } from "../output.ts";
import { libraryPaths } from "./paths.ts";
import { openCacheSession } from "./session.ts";

const HELP = `
Takes paths as they were pinned: see musicfs cache stats. What was fetched stays until its room is needed.

Example:
  musicfs cache unpin /mnt/music/Favourites`;

export function setUp(command: Command): void {
  command
    .argument("<path...>", "what is pinned and need not be")
    .addHelpText("after", HELP)
    .action(
      action(async (given: readonly string[]) => {
        const context = contextOf(command);
        await using session = await openCacheSession(context);
        const { workingDirectory } = context.around;
        const { paths } = await libraryPaths(given, session, workingDirectory);
        const answer = await session.cache.unpin(paths);
        if (context.json) printJson(answer);
        else for (const path of answer.unpinned) print(`unpinned ${displayText(path)}`);
        return undefined;
      }),
    );
}
