/**
 * Origins for a command that runs without a mount. There are no reader threads: local disks too are
 * reached through guard processes, so that one that hangs holds up neither the others nor the
 * command's end.
 */

import { type Clock, systemClock } from "../clock.ts";
import type { OriginSettings } from "../config/config.ts";
import { buildOrigin, type OriginPorts } from "./build.ts";
import { GuardedDisk } from "./disk/guard.ts";
import { GuardProcess, guardCommand } from "./disk/guard_process.ts";
import type { Origin } from "./origin.ts";

/** As `buildOrigin`, with what else it is given. */
export function openStandalone(
  settings: OriginSettings,
  clock: Clock = systemClock,
  extras: Pick<OriginPorts, "onSkipped" | "usage" | "acceptCommand"> = {},
): Promise<Origin> {
  return buildOrigin(settings, {
    ...extras,
    clock,
    localDisk: ({ path, operationTimeoutMs }) => {
      const guard = { path, tokens: "strong", requireMount: false } as const;
      const startGuard = (serial: number) => new GuardProcess(serial, guardCommand(), guard);
      return new GuardedDisk({ startGuard, clock, deadlineMs: operationTimeoutMs });
    },
  });
}
