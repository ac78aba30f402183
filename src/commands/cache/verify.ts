/** `musicfs cache verify`. */

import type { Command } from "commander";
import { displayText } from "../../core/bytes.ts";
import { shownBytes } from "../../core/quantities.ts";
import { action, contextOf } from "../context.ts";
import { EXIT } from "../exit_code.ts";
import { print, printJson, remark } from "../output.ts";
import { libraryPaths } from "./paths.ts";
import { byteProgress } from "./progress.ts";
import { openCacheSession } from "./session.ts";

interface VerifyFlags {
  readonly repair?: boolean;
}

const HELP = `
Bad blocks are never served: they are found when they are read, and fetched again. This finds them before,
while their origins can still be reached.

Exit codes: 0 all good or repaired, 1 bad blocks were found, 2 wrong usage or configuration, 4 another
process uses the cache.

Examples:
  musicfs cache verify
  musicfs cache verify --repair /mnt/music/Favourites`;

export function setUp(command: Command): void {
  command
    .argument("[path...]", "only what lies at or below these")
    .option("--repair", "drop bad blocks, so that they are fetched again")
    .addHelpText("after", HELP)
    .action(
      action(async (given: readonly string[], { repair = false }: VerifyFlags) => {
        const context = contextOf(command);
        await using session = await openCacheSession(context);
        const { workingDirectory } = context.around;
        const { paths } = await libraryPaths(given, session, workingDirectory);
        const verified = await byteProgress(context, (onBytes) =>
          session.cache.verify({ paths, repair }, onBytes),
        );
        for (const { path, blocks } of verified.bad) {
          remark(`musicfs: ${displayText(path)}: ${blocks} bad blocks of 64 KiB`);
        }
        if (context.json) printJson(verified);
        else {
          const { files, blocks, bytes, bad } = verified;
          const badBlocks = bad.reduce((sum, each) => sum + each.blocks, 0);
          const fate = badBlocks > 0 && repair ? ", which were dropped" : "";
          print(
            `${files} files, ${blocks} blocks, ${shownBytes(bytes)}: ${badBlocks} bad blocks in ${bad.length} files${fate}`,
          );
        }
        return verified.bad.length === 0 || repair ? EXIT.done : EXIT.failed;
      }),
    );
}
