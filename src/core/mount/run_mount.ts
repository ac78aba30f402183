/** `musicfs mount`: serves until the mount ends or a signal asks for it. */

import { systemClock } from "../clock.ts";
import { runtimeDir } from "../config/paths.ts";
import type { ControlledMount } from "../control/controlled_mount.ts";
import { EventBus } from "../events.ts";
import { overallStatus } from "../federation/survey.ts";
import { NotifySocket } from "../sys/notify_socket.ts";
import { releaseCode } from "../sys/program_pages.ts";
import { Control } from "./control.ts";
import { ControlledLibrary } from "./controlled_library.ts";
import { logEvents } from "./event_log.ts";
import { Library } from "./library.ts";
import type { MountOptions } from "./options.ts";
import { RunningConfig } from "./running_config.ts";
import { ServiceNotices } from "./service_notices.ts";
import { MountSignals } from "./signals.ts";
import { ThreadReads } from "./thread_reads.ts";

/** After so long the code that only starting and the first scans needed is given up. */
const CODE_KEPT_MS = 10_000;

/** See options.ts. */
export async function runMount(options: MountOptions): Promise<void> {
  const { config, around, log, requireAll, onReady } = options;
  using signals = new MountSignals();
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
  const controlled = controlledLibrary(options, library, running, startedMs);
  control.serve(controlled, threadReads);
  const { socket: name, watchdogMs } = options.manager;
  using socket = name === undefined ? undefined : NotifySocket.open(name);
  using notices = new ServiceNotices(watchdogMs, {
    ...{ socket, clock: systemClock, events },
    status: () => shortStatus(controlled),
  });
  signals.serve({ library, running, notices, log });
  log.info("mounted", { mount_point: mountPoint, origins: config.origins.length });
  onReady();
  notices.ready();
  using _started = systemClock.schedule(CODE_KEPT_MS, releaseCode);
  try {
    await library.ended;
    log.info("unmounted", { mount_point: mountPoint });
  } finally {
    // A signal that comes now ends the process: there is no mount that it could leave behind.
    signals[Symbol.dispose]();
    notices.stopping();
    await control[Symbol.asyncDispose]();
    await library.stop();
  }
}

/** `healthy: 2 of 3 origins healthy, 12345 files`. */
function shortStatus(mount: ControlledMount): string {
  const reports = mount.origins().map(({ report }) => report);
  const enabled = reports.filter((report) => report.enabled);
  const healthy = enabled.filter(({ status }) => status === "healthy").length;
  const origins = `${healthy} of ${enabled.length} origins healthy`;
  return `${overallStatus(reports)}: ${origins}, ${mount.totals().files} files`;
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
