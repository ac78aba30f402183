/**
 * Origins for a command that runs without a mount. There are no reader threads: local disks too are
 * reached through guard processes, so that one that hangs holds up neither the others nor the
 * command's end.
 */

import { type Clock, systemClock } from "../clock.ts";
import type { OriginSettings } from "../config/config.ts";
import { buildOrigin } from "./build.ts";
import { GuardedDisk } from "./disk/guard.ts";
import { GuardProcess, guardCommand } from "./disk/guard_process.ts";
import type { Origin } from "./origin.ts";

/** As `buildOrigin`. */
export function openStandalone(
  settings: OriginSettings,
  clock: Clock = systemClock,
): Promise<Origin> {
  return buildOrigin(settings, {
    clock,
    localDisk: ({ path, operationTimeoutMs }) => {
      const guard = { path, tokens: "strong", requireMount: false } as const;
      const startGuard = (serial: number) => new GuardProcess(serial, guardCommand(), guard);
      return new GuardedDisk({ startGuard, clock, deadlineMs: operationTimeoutMs });
    },
  });
}
