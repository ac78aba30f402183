/** `musicfs mount`: serves until the mount ends or a signal asks for it. */

import { messageOf } from "../errors.ts";
import { EventBus } from "../events.ts";
import { logEvents } from "./event_log.ts";
import { Library } from "./library.ts";
import type { MountOptions } from "./options.ts";
import { unmountAt } from "./unmount.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

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
    // The first signal unmounts if nobody is using the mount, the second lets them finish alone.
    unmountAt(mountPoint, { lazy: asked > 1 }).catch((error: unknown) => {
      const hint = asked > 1 ? "" : "; another signal detaches it all the same";
      log.warn(`not unmounted: ${messageOf(error)}${hint}`);
    });
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  log.info("mounted", { mount_point: mountPoint, origins: config.origins.length });
  onReady();
  try {
    await library.ended;
    log.info("unmounted", { mount_point: mountPoint });
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
    await library.stop();
  }
}
