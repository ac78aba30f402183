/** `musicfs health --watch`: a live view on a terminal, a JSON object per change elsewhere. */

import { systemClock } from "../core/clock.ts";
import { loadConfig } from "../core/config/load.ts";
import { mountOfCache, type RunningMount } from "../core/control/find_mount.ts";
import type { LiveUpdate } from "../core/control/live.ts";
import { StandaloneWatch } from "../core/control/standalone_live.ts";
import { OwnError } from "../core/errors.ts";
import { openStandalone } from "../core/origins/standalone.ts";
import { chosenMount } from "./chosen_mount.ts";
import type { CommandContext } from "./context.ts";
import { printJson, remark } from "./output.ts";

/** What is watched, and what can be had done with it. */
interface Watched {
  readonly updates: (signal: AbortSignal) => AsyncIterable<LiveUpdate>;
  readonly check: (id: string) => Promise<void>;
  readonly setEnabled?: (id: string, enabled: boolean) => Promise<void>;
}

/** Resolves when its user ends it, or what it prints to is gone. */
export async function watchHealth(
  context: CommandContext,
  mountPoint: string | undefined,
): Promise<void> {
  using mount = await mountToWatch(context, mountPoint);
  await using standalone = mount === undefined ? await openOrigins(context) : undefined;
  const watched = mount === undefined ? standalone && alone(standalone) : of(mount);
  if (watched === undefined) return;
  const { stdin, stdout } = process;
  if (stdout.isTTY !== true || stdin.isTTY !== true || context.json) await printChanges(watched);
  else {
    const { watch } = await import("../tui/watch.tsx");
    const { updates, ...actions } = watched;
    await watch({ stdin, stdout, updates, actions });
  }
}

/** The chosen mount; only the configured one where origins are configured, which are shown without it. */
async function mountToWatch(
  context: CommandContext,
  mountPoint: string | undefined,
): Promise<RunningMount | undefined> {
  const { flags, around } = context;
  const { config } = await loadConfig(flags, around, { mayBeMissing: true });
  if (mountPoint === undefined && config.origins.length > 0) {
    return await mountOfCache(config.cacheDir, around);
  }
  try {
    return await chosenMount(context, mountPoint);
  } catch (error) {
    if (error instanceof OwnError && error.code === "mount") return undefined;
    throw error;
  }
}

async function openOrigins({ flags, around }: CommandContext): Promise<StandaloneWatch> {
  const { config } = await loadConfig(flags, around, { mayBeMissing: true });
  if (config.origins.length === 0) {
    const message = "no mount runs and no origin is configured; add one: musicfs origins add";
    throw new OwnError("usage", message);
  }
  return await StandaloneWatch.open(config, {
    clock: systemClock,
    open: (settings) => openStandalone(settings, systemClock),
    onRefused: (id, reason) => remark(`musicfs: origin ${id} is left out: ${reason}`),
  });
}

function of({ client }: RunningMount): Watched {
  return {
    updates: (signal) => client.live(signal),
    check: async (id) => void (await client.check(id)),
    setEnabled: async (id, enabled) => void (await client.changeOrigin(id, { enabled })),
  };
}

function alone(watch: StandaloneWatch): Watched {
  return { updates: (signal) => watch.live(signal), check: (id) => watch.check(id) };
}

/** The state at the beginning, then every event. */
async function printChanges({ updates }: Watched): Promise<void> {
  const abort = new AbortController();
  const stop = () => abort.abort("asked to stop");
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  let begun = false;
  try {
    for await (const update of updates(abort.signal)) {
      let isRead = true;
      // What happened before is in the state.
      if (update.kind === "event") isRead = !begun || printJson(update.event);
      else if (update.kind === "state" && !begun) {
        const { kind, ...state } = update;
        isRead = printJson({ type: kind, ...state });
        begun = true;
      }
      if (!isRead) return;
    }
    if (!abort.signal.aborted) throw new OwnError("mount", "the mount has ended");
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}
