/** One change of one origin, and what is said about it. */

import type { OriginSettings } from "../../core/config/config.ts";
import type { OriginValues } from "../../core/config/edit.ts";
import { findOrigin } from "../../core/config/find.ts";
import { loadConfig } from "../../core/config/load.ts";
import type { CommandContext } from "../context.ts";
import { configuredJson } from "../origin_json.ts";
import { print, printJson } from "../output.ts";
import { applyEdit } from "./apply_edit.ts";

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
  const { file, changed } = await applyEdit({ flags, around }, { kind: "set", id, values, unset });
  const { config } = await loadConfig(flags, around);
  const settings = findOrigin(config, id);
  if (json) printJson({ changed, file, origin: configuredJson(settings, config) });
  else print(changed ? `origin ${id} changed in ${file}` : `origin ${id} is so already`);
  return settings;
}
