/** `musicfs mount`: serves until the mount ends or a signal asks for it. */

import { readFileSync } from "node:fs";
import { messageOf } from "../errors.ts";
import { EventBus } from "../events.ts";
import { mountAt, readMountInfo } from "../sys/mountinfo.ts";
import { logEvents } from "./event_log.ts";
import { Library } from "./library.ts";
import type { MountOptions } from "./options.ts";
import { unmountAt } from "./unmount.ts";

/** See options.ts. */
export async function runMount(options: MountOptions): Promise<void> {
  const { config, log, requireAll, onReady } = options;
  const events = new EventBus();
  using _log = logEvents(events, log);
  const library = await Library.start({ config, events, log, requireAll });
  const { mountPoint } = library;
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
  const signals = endingSignals();
  for (const signal of signals) process.on(signal, stop);
  log.info("mounted", { mount_point: mountPoint, origins: config.origins.length });
  onReady();
  try {
    await library.ended;
    log.info("unmounted", { mount_point: mountPoint });
  } finally {
    for (const signal of signals) process.off(signal, stop);
    await library.stop();
  }
}

/**
 * A terminal that closes sends SIGHUP, which would leave a dead mount behind. Under nohup(1) it is
 * ignored, and stays so.
 */
function endingSignals(): readonly NodeJS.Signals[] {
  const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  const hangUpIgnored = (Number.parseInt(ignored?.at(-1) ?? "0", 16) & 1) !== 0;
  return ["SIGINT", "SIGTERM", ...(hangUpIgnored ? [] : (["SIGHUP"] as const))];
}
