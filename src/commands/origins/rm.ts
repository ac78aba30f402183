/** `musicfs origins rm`. */

import type { Command } from "commander";
import { systemClock } from "../../core/clock.ts";
import { editOrigins } from "../../core/config/edit.ts";
import { configFileOf, loadConfig } from "../../core/config/load.ts";
import { ownDirectory } from "../../core/config/own_file.ts";
import { editFile } from "../../core/config/write.ts";
import { openLibraryCatalog } from "../../core/sync/library_catalog.ts";
import { action, contextOf } from "../context.ts";
import { print, printJson } from "../output.ts";

interface RemoveFlags {
  readonly ifExists?: true;
  readonly purgeCache?: true;
}

const HELP = `
Nothing on the origin itself is touched. Without --purge-cache what is known of its files stays until
the next mount or scan.

Example:
  musicfs origins rm nas --if-exists --purge-cache`;

export function setUp(command: Command): void {
  command
    .argument("<id>", "the origin to remove from the configuration")
    .option("--if-exists", "do nothing when there is no such origin")
    .option("--purge-cache", "also forget at once what is known of its files")
    .addHelpText("after", HELP)
    .action(
      action(async (id: string, { ifExists, purgeCache }: RemoveFlags) => {
        const { around, flags, json } = contextOf(command);
        const file = configFileOf(flags, around).path;
        const options = ifExists === true ? { mayBeMissing: true } : {};
        const before = await loadConfig(flags, around, options);
        const exists = before.config.origins.some((origin) => origin.id === id);
        if (exists || ifExists !== true) {
          await editFile(file, { uid: around.uid, clock: systemClock }, (text) =>
            editOrigins(text, file, { kind: "remove", id }),
          );
        }
        if (purgeCache) {
          const { config } = await loadConfig(flags, around, options);
          ownDirectory(config.cacheDir, "cache directory", around.uid);
          await using catalog = await openLibraryCatalog(config, systemClock);
          void catalog;
        }
        if (json) printJson({ changed: exists, file, id });
        else if (exists) print(`origin ${id} removed from ${file}`);
        return undefined;
      }),
    );
}
