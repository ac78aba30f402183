/** `musicfs origins set`. */

import type { Command } from "commander";
import { findOrigin } from "../../core/config/find.ts";
import { loadConfig } from "../../core/config/load.ts";
import { ORIGIN_SETTINGS } from "../../core/config/origin_schema.ts";
import { suggest } from "../../core/config/suggest.ts";
import { OwnError } from "../../core/errors.ts";
import type { ConfiguredOriginType } from "../../core/origins/origin.ts";
import { action, contextOf } from "../context.ts";
import { EXIT } from "../exit_code.ts";
import { repeatable } from "../repeatable.ts";
import { changeOrigin } from "./change.ts";
import { acceptKey } from "./check.ts";
import { declareSettings, settingValues } from "./flags.ts";

interface SetFlags extends Readonly<Record<string, unknown>> {
  readonly unset?: readonly string[];
  readonly acceptHostKey?: string;
}

const HELP = `
Examples:
  musicfs origins set nas --priority 3 --bandwidth-limit 10M
  musicfs origins set nas --unset bandwidth-limit
  musicfs origins set cloud --credentials-file /etc/musicfs/cloud.credentials`;

export function setUp(command: Command): void {
  command
    .argument("<id>", "the origin to change")
    .option("--unset <SETTING>", "go back to the default; repeat", repeatable);
  declareSettings(command);
  command.addHelpText("after", HELP).action(
    action(async (id: string, given: SetFlags) => {
      const context = contextOf(command);
      const { config } = await loadConfig(context.flags, context.around);
      const before = findOrigin(config, id);
      const values = settingValues(given, before.originType, context.around);
      const unset = (given.unset ?? []).map((name) => settingName(name, before.originType));
      if (Object.keys(values).length + unset.length === 0 && given.acceptHostKey === undefined) {
        throw new OwnError("usage", "there is nothing to set; see musicfs origins set --help");
      }
      const settings = await changeOrigin(context, id, { values, unset });
      if (given.acceptHostKey !== undefined) await acceptKey(settings, given.acceptHostKey);
      return EXIT.done;
    }),
  );
}

function settingName(text: string, type: ConfiguredOriginType): string {
  const name = text.replace(/^--/, "").replaceAll("-", "_");
  const known = [...Object.keys(ORIGIN_SETTINGS[type]), "credentials"];
  if (known.includes(name)) return name;
  const near = suggest(name, known)?.replaceAll("_", "-");
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  throw new OwnError("usage", `--unset: ${type} origins have no setting "${text}"${hint}`);
}
