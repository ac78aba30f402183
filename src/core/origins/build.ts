/** From an origin's settings to the origin in all its wrappers: their order stands here. */

import { type ByteName, type BytePath, joinPath } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import type { LocalOriginSettings, OriginSettings } from "../config/config.ts";
import { OwnError } from "../errors.ts";
import type { EventBus } from "../events.ts";
import { mayHang } from "../sys/mountinfo.ts";
import { CredentialsProvider } from "./credentials.ts";
import type { DiskClient } from "./disk/client.ts";
import { MUSICFS_TYPE } from "./disk/mounted.ts";
import { keepsInodes, placementOf } from "./disk/placement.ts";
import { openGuardedOrigin } from "./guarded.ts";
import { LOCAL_CAPABILITIES, LocalOrigin } from "./local.ts";
import type { Origin, OriginId } from "./origin.ts";
import type { UsageMeter } from "./usage.ts";
import { withBandwidth } from "./wrappers/bandwidth.ts";
import { withClosing } from "./wrappers/closing.ts";
import { type FaultPlan, withFaults } from "./wrappers/faults.ts";
import { withLimit } from "./wrappers/limit.ts";
import { type OriginMetrics, withMetrics } from "./wrappers/metrics.ts";
import { withTimeout } from "./wrappers/timeout.ts";
import { withUsage } from "./wrappers/usage.ts";

/** What is left out of a listing: where, under which name (no valid one), and why. */
export type Skipped = [directory: BytePath, name: ByteName, reason: string];

export interface OriginPorts {
  readonly clock: Clock;
  /** Where the system calls of an origin on a disk of this machine are made. */
  readonly localDisk: (settings: LocalOriginSettings) => DiskClient;
  /** Counts operations. */
  readonly metrics?: OriginMetrics;
  /** Counts what will be billed, of an origin that is not local. */
  readonly usage?: UsageMeter;
  /** Told at every listing of what the origin holds under names that no file can have. */
  readonly onSkipped?: (origin: OriginId, ...skipped: Skipped) => void;
  /** As `SftpPorts` has it. */
  readonly acceptCommand?: string;
  /** Makes it fail; for tests. */
  readonly faults?: FaultPlan;
  /** How guard processes are started. Default: as this program. */
  readonly guardCommand?: readonly string[];
}

/** An `onSkipped` that emits `name_skipped`. */
export function tellSkipped(events: EventBus): NonNullable<OriginPorts["onSkipped"]> {
  return (origin, directory, name, reason) =>
    events.emit({ type: "name_skipped", origin, path: joinPath(directory, name), reason });
}

/**
 * Opens an origin. What is wrong with it at the moment (away, unmounted, wrong password) is told by
 * its operations; throws OwnError `config` for what can never work.
 */
export async function buildOrigin(settings: OriginSettings, ports: OriginPorts): Promise<Origin> {
  return wrapOrigin(await openOrigin(settings, ports), settings, ports);
}

/** What is put around an origin of any type, from the inside out. */
export function wrapOrigin(
  inner: Origin,
  settings: Pick<
    OriginSettings,
    "operationTimeoutMs" | "maxConcurrency" | "bandwidthLimitBytesPerSec"
  >,
  { clock, faults, metrics }: Pick<OriginPorts, "clock" | "faults" | "metrics">,
): Origin {
  const bandwidth = settings.bandwidthLimitBytesPerSec;
  let origin = inner;
  // Innermost: the faults that tests put in are the origin's, and everything outside copes.
  if (faults) origin = withFaults(origin, faults);
  // The limit is for the origin's work: waiting for a turn or for bandwidth is not its failure.
  origin = withTimeout(origin, settings.operationTimeoutMs, clock);
  if (metrics) origin = withMetrics(origin, metrics, clock);
  origin = withLimit(origin, settings.maxConcurrency);
  // A read that waits for its share of bandwidth takes nobody's turn.
  if (bandwidth !== undefined) origin = withBandwidth(origin, bandwidth, clock);
  // Outside of all that waits: what waits ends too.
  return withClosing(origin);
}

async function openOrigin(settings: OriginSettings, ports: OriginPorts): Promise<Origin> {
  const { id, credentials } = settings;
  const { clock, onSkipped } = ports;
  const remote = {
    clock,
    credentials: credentials && new CredentialsProvider(id, credentials, { clock }),
    onSkipped: (...skipped: Skipped) => onSkipped?.(id, ...skipped),
  };
  const counted = (origin: Origin) => (ports.usage ? withUsage(origin, ports.usage) : origin);
  switch (settings.originType) {
    case "local":
      // Threads read a local disk without asking the origin, and nobody is billed for it.
      return openLocal(settings, ports);
    case "nfs":
    case "smb":
      return counted(
        openGuardedOrigin({
          id,
          type: settings.originType,
          path: settings.path,
          requireMount: settings.requireMount,
          strongTokens: settings.originType === "nfs",
          deadlineMs: settings.operationTimeoutMs,
          clock,
          guardCommand: ports.guardCommand,
        }),
      );
    case "sftp": {
      const { openSftpOrigin } = await import("./sftp/origin.ts");
      const { acceptCommand } = ports;
      return counted(openSftpOrigin(settings, { ...remote, acceptCommand }));
    }
    case "s3": {
      const { openS3Origin } = await import("./s3/origin.ts");
      // It counts its requests itself: an operation may take several, and each is billed.
      return openS3Origin(settings, { ...remote, meter: ports.usage });
    }
  }
}

function openLocal(settings: LocalOriginSettings, ports: OriginPorts): Origin {
  const { id, path } = settings;
  const mount = placementOf(path);
  if (mount?.type === MUSICFS_TYPE) {
    const message = `origin ${id}: ${path} lies on a mount of MusicFS; give the files' own path`;
    throw new OwnError("config", message);
  }
  if (mount === undefined || !mayHang(mount.type)) {
    const disk = ports.localDisk(settings);
    return new LocalOrigin({ id, type: "local", capabilities: LOCAL_CAPABILITIES, disk });
  }
  return openGuardedOrigin({
    id,
    type: "local",
    path,
    requireMount: false,
    strongTokens: keepsInodes(mount),
    deadlineMs: settings.operationTimeoutMs,
    clock: ports.clock,
    guardCommand: ports.guardCommand,
  });
}
