/** How a running mount opens its origins: local disks are reached through its reader threads. */

import type { Clock } from "../clock.ts";
import type { EventBus } from "../events.ts";
import { buildOrigin, type OriginPorts, tellSkipped } from "../origins/build.ts";
import type { UsageLedger } from "../origins/usage.ts";
import type { ReaderPool } from "../threads/reader_pool.ts";
import type { Watcher } from "../threads/watcher.ts";
import type { OpenOrigin } from "./origin_set.ts";

export interface OriginOpenerPorts {
  readonly clock: Clock;
  readonly events: EventBus;
  readonly readers: Pick<ReaderPool, "calls">;
  readonly usage: Pick<UsageLedger, "meter">;
  readonly watcher: Pick<Watcher, "watch">;
  /** What else `buildOrigin` is given. */
  readonly extras?: (id: string) => Partial<OriginPorts>;
}

export function originOpener(ports: OriginOpenerPorts): OpenOrigin {
  const { clock, events, usage, readers, watcher, extras } = ports;
  return async (settings, row, metrics) => {
    let localRoot: string | undefined;
    const more = extras?.(settings.id) ?? {};
    const origin = await buildOrigin(settings, {
      clock,
      metrics,
      usage: usage.meter(settings.id),
      onSkipped: tellSkipped(events),
      localDisk({ path, watch }) {
        localRoot = path;
        return {
          call: (request, signal) => readers.calls.call(row, path, request, signal),
          ...(watch && {
            watch: (onChange, onState) => watcher.watch(path, onChange, onState),
          }),
          close: () => Promise.resolve(),
        };
      },
      ...more,
    });
    // Threads that open files by themselves would pass by what is put around the origin.
    const wrapped = more.faults !== undefined || settings.bandwidthLimitBytesPerSec !== undefined;
    return { origin, localRoot: wrapped ? undefined : localRoot };
  };
}
