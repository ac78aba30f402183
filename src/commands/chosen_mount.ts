/** Which running mount a command talks to. */

import { fromHere, loadConfig } from "../core/config/load.ts";
import {
  mountAtPath,
  mountOfCache,
  onlyMount,
  type RunningMount,
} from "../core/control/find_mount.ts";
import { OwnError } from "../core/errors.ts";
import type { CommandContext } from "./context.ts";

/**
 * The one at the path that was given; else the configured one; else the only one that runs. Rejects
 * with `mount` when none runs, with `usage` when that does not say which.
 */
export async function chosenMount(
  context: CommandContext,
  mountPoint: string | undefined,
): Promise<RunningMount> {
  const { around } = context;
  if (mountPoint !== undefined) return await mountAtPath(fromHere(mountPoint, around), around);
  const found = (await configuredMount(context)) ?? (await onlyMount(around));
  if (found !== undefined) return found;
  throw new OwnError("mount", "no mount of yours is running; start one with: musicfs mount");
}

async function configuredMount({
  flags,
  around,
}: CommandContext): Promise<RunningMount | undefined> {
  const { config } = await loadConfig(flags, around, { mayBeMissing: true });
  return await mountOfCache(config.cacheDir, around);
}
