/** One change of one origin in the file, and what is said about it. */

import { systemClock } from "../../core/clock.ts";
import type { OriginSettings } from "../../core/config/config.ts";
import { editOrigins, type OriginValues } from "../../core/config/edit.ts";
import { findOrigin } from "../../core/config/find.ts";
import { configFileOf, loadConfig } from "../../core/config/load.ts";
import { editFile } from "../../core/config/write.ts";
import type { CommandContext } from "../context.ts";
import { configuredJson } from "../origin_json.ts";
import { print, printJson } from "../output.ts";

export interface OriginChange {
  readonly values: OriginValues;
  readonly unset: readonly string[];
}

/** Writes the change and answers the origin's settings after it. */
export async function changeOrigin(
  { flags, around, json }: CommandContext,
  id: string,
  { values, unset }: OriginChange,
): Promise<OriginSettings> {
  const file = configFileOf(flags, around).path;
  let changed = false;
  await editFile(file, { uid: around.uid, clock: systemClock }, async (text) => {
    const edited = await editOrigins(text, file, { kind: "set", id, values, unset });
    changed = edited !== text;
    return edited;
  });
  const { config } = await loadConfig(flags, around);
  const settings = findOrigin(config, id);
  if (json) printJson({ changed, file, origin: configuredJson(settings, config) });
  else print(changed ? `origin ${id} changed in ${file}` : `origin ${id} is so already`);
  return settings;
}
