/** `musicfs origins rm`. */

import type { Command } from "commander";
import { systemClock } from "../../core/clock.ts";
import { configFileOf, type LoadedConfig, loadConfig } from "../../core/config/load.ts";
import { ownDirectory } from "../../core/config/own_file.ts";
import type { Surroundings } from "../../core/config/paths.ts";
import { mountOfCache } from "../../core/control/find_mount.ts";
import { openLibraryCatalog } from "../../core/sync/library_catalog.ts";
import { action, contextOf } from "../context.ts";
import { print, printJson } from "../output.ts";
import { applyEdit } from "./apply_edit.ts";

interface RemoveFlags {
  readonly ifExists?: true;
  readonly purgeCache?: true;
}

const HELP = `
Nothing on the origin itself is touched. A mount that runs with the file drops the origin at once; files that
no other origin has are gone, and open ones go on where another has them. Without a mount, what is known of
its files stays until the next mount or scan, unless --purge-cache is given.

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
          await applyEdit({ flags, around }, { kind: "remove", id });
        }
        if (purgeCache) await purge(await loadConfig(flags, around, options), around);
        if (json) printJson({ changed: exists, file, id });
        else if (exists) print(`origin ${id} removed from ${file}`);
        return undefined;
      }),
    );
}

/** A mount that has the catalog has forgotten them already. */
async function purge({ config }: LoadedConfig, around: Surroundings): Promise<void> {
  using mount = await mountOfCache(config.cacheDir, around);
  if (mount !== undefined) return;
  ownDirectory(config.cacheDir, "cache directory", around.uid);
  await using catalog = await openLibraryCatalog(config, systemClock);
  void catalog;
}
