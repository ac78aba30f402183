/** `musicfs mount`: serves until the mount ends or a signal asks for it. */

import { readFileSync } from "node:fs";
import { systemClock } from "../clock.ts";
import { runtimeDir } from "../config/paths.ts";
import type { ControlledMount } from "../control/controlled_mount.ts";
import { messageOf } from "../errors.ts";
import { EventBus } from "../events.ts";
import { mountAt, readMountInfo } from "../sys/mountinfo.ts";
import { Control } from "./control.ts";
import { ControlledLibrary } from "./controlled_library.ts";
import { logEvents } from "./event_log.ts";
import { Library } from "./library.ts";
import type { MountOptions } from "./options.ts";
import { RunningConfig } from "./running_config.ts";
import { ThreadReads } from "./thread_reads.ts";
import { unmountAt } from "./unmount.ts";

/** See options.ts. */
export async function runMount(options: MountOptions): Promise<void> {
  const { config, around, log, requireAll, onReady } = options;
  const events = new EventBus();
  using _log = logEvents(events, log);
  await using control = new Control(events, {
    ...{ clock: systemClock, log, metrics: config.metrics },
    ...{ directory: runtimeDir(around), uid: around.uid },
  });
  const startedMs = systemClock.wallMs();
  const { onOutcome } = control;
  const library = await Library.start({ config, events, log, requireAll, onOutcome });
  const { mountPoint } = library;
  const running = runningConfig(options, library);
  const threadReads = new ThreadReads(library.assembly.ports);
  control.serve(controlledLibrary(options, library, running, startedMs), threadReads);
  let asked = 0;
  const stop = () => {
    asked++;
    if (asked > 1 && mountAt(readMountInfo(), mountPoint) === undefined) {
      // Open files keep a detached mount alive, and so does a copy of the mount table (a container).
      log.warn("ended although it is still used: who reads gets errors");
      library.abort();
      return;
    }
    // The first signal unmounts if nobody is using the mount, the second lets them finish alone.
    unmountAt(mountPoint, { lazy: asked > 1 }).catch((error: unknown) => {
      const hint = asked > 1 ? "" : "; another signal detaches it all the same";
      log.warn(`not unmounted: ${messageOf(error)}${hint}`);
    });
  };
  const reload = () => {
    running.reload().then(
      ({ changed, needsRemount }) =>
        log.info("read the configuration again", { changed, needs_remount: needsRemount.join() }),
      (error: unknown) => log.error("the configuration stays as it was", { reason: error }),
    );
  };
  const handlers: [NodeJS.Signals, () => void][] = [
    ["SIGINT", stop],
    ["SIGTERM", stop],
  ];
  if (!isHangUpIgnored()) handlers.push(["SIGHUP", hasTerminal() ? stop : reload]);
  for (const [signal, handler] of handlers) process.on(signal, handler);
  log.info("mounted", { mount_point: mountPoint, origins: config.origins.length });
  onReady();
  try {
    await library.ended;
    log.info("unmounted", { mount_point: mountPoint });
  } finally {
    for (const [signal, handler] of handlers) process.off(signal, handler);
    await control[Symbol.asyncDispose]();
    await library.stop();
  }
}

function runningConfig(options: MountOptions, library: Library): RunningConfig {
  const { config, configFile, flags, around, log } = options;
  const ofFlags = (flags.origins ?? []).length > 0;
  return new RunningConfig({
    ...{ config, flags, around, clock: systemClock },
    file: ofFlags ? undefined : configFile,
    configure: (origins) => library.assembly.origins.configure(origins),
    onWarning: (message) => log.warn(message),
  });
}

function controlledLibrary(
  { config, version }: MountOptions,
  { assembly, cache, mountPoint, usageOf }: Library,
  running: RunningConfig,
  startedMs: number,
): ControlledMount {
  const { cacheDir } = config;
  const identity = { version, mountPoint, cacheDir, configFile: running.ports.file, startedMs };
  return new ControlledLibrary(identity, assembly, running, usageOf, cache);
}

/** Under nohup(1) SIGHUP is ignored, and stays so. */
function isHangUpIgnored(): boolean {
  const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  return (Number.parseInt(ignored?.at(-1) ?? "0", 16) & 1) !== 0;
}

/**
 * Whether a terminal controls this process: one that closes sends SIGHUP, after which nobody would
 * be left to end the mount. proc_pid_stat(5): the terminal is the fifth field after the name.
 */
function hasTerminal(): boolean {
  const fields = readFileSync("/proc/self/stat", "latin1")
    .replace(/^.*\) /s, "")
    .split(" ");
  return fields[4] !== "0";
}
