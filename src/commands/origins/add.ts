/** `musicfs origins add`. */

import { type Command, Option } from "commander";
import type { OriginValues } from "../../core/config/edit.ts";
import { findOrigin } from "../../core/config/find.ts";
import { configFileOf, loadConfig } from "../../core/config/load.ts";
import { checkOrigin } from "../../core/config/parse.ts";
import { resolveOrigin } from "../../core/config/resolve.ts";
import { OwnError } from "../../core/errors.ts";
import { ORIGIN_TYPES } from "../../core/origins/origin.ts";
import { shellWord } from "../../core/shell_word.ts";
import { action, contextOf } from "../context.ts";
import { configuredJson } from "../origin_json.ts";
import { print, printJson } from "../output.ts";
import { applyEdit } from "./apply_edit.ts";
import { acceptKey, requireAnswer } from "./check.ts";
import { declareSettings, settingValues, typeOf } from "./flags.ts";

interface AddFlags extends Readonly<Record<string, unknown>> {
  readonly type: string;
  readonly ifMissing?: true;
  readonly check: boolean;
  readonly acceptHostKey?: string;
}

const HELP = `
The configuration file is made if there is none. Nothing is written unless the origin answers. A mount that
runs with the file shows the origin at once.

Examples:
  musicfs origins add disk --type local --path /srv/music --priority 1
  musicfs origins add nas --type smb --path /mnt/nas/music --priority 2
  musicfs origins add cloud --type s3 --bucket music --region eu-central-1 --credentials-env CLOUD
  musicfs origins add attic --type sftp --host attic.example.com --user me --path music`;

export function setUp(command: Command): void {
  command
    .argument("<new-id>", "its name: a-z, 0-9, _ and -")
    .addOption(new Option(`--type <${ORIGIN_TYPES.join("|")}>`, "what it is").makeOptionMandatory())
    .option("--if-missing", "do nothing when there is an origin of this id already")
    .option("--no-check", "add it although it does not answer");
  declareSettings(command);
  command.addHelpText("after", HELP).action(
    action(async (id: string, given: AddFlags) => {
      const { around, flags, json } = contextOf(command);
      const file = configFileOf(flags, around).path;
      const { config } = await loadConfig(flags, around, { mayBeMissing: true });
      if (config.origins.some((origin) => origin.id === id)) {
        if (given.ifMissing !== true) {
          const message = `there is an origin "${id}" already; change it with: origins set`;
          throw new OwnError("usage", message);
        }
        const origin = configuredJson(findOrigin(config, id), config);
        if (json) printJson({ changed: false, file, origin });
        return undefined;
      }
      const type = typeOf(given.type);
      const values: OriginValues = {
        id,
        origin_type: type,
        ...settingValues(given, type, around),
      };
      const settings = resolveOrigin(checkOrigin(values), around);
      if (given.acceptHostKey !== undefined) await acceptKey(settings, given.acceptHostKey);
      if (given.check) await requireAnswer(settings, config.health, thisCommand());
      await applyEdit({ flags, around }, { kind: "add", values });
      if (json) printJson({ changed: true, file, origin: configuredJson(settings, config) });
      else print(`origin ${id} added to ${file}`);
      return undefined;
    }),
  );
}

/** As it was typed, for a shell. */
function thisCommand(): string {
  return ["musicfs", ...process.argv.slice(2).map(shellWord)].join(" ");
}
