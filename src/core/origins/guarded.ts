/**
 * Directories on file systems whose system calls may never return: shares that the system has
 * mounted (NFS, SMB), and local paths on network or FUSE file systems. They are polled, not
 * watched: inotify hears nothing of what happens on a server.
 */

import type { Clock } from "../clock.ts";
import { GuardedDisk } from "./disk/guard.ts";
import type { GuardSettings } from "./disk/guard_main.ts";
import { GuardProcess, guardCommand } from "./disk/guard_process.ts";
import { LocalOrigin } from "./local.ts";
import type { OriginCapabilities, OriginId, OriginType } from "./origin.ts";

export interface GuardedOriginOptions {
  readonly id: OriginId;
  readonly type: OriginType;
  /** Absolute. */
  readonly path: string;
  /** Whether the path must be a mount point of a network or FUSE file system to be served. */
  readonly requireMount: boolean;
  /** Whether inode numbers and ctime are the server's own: true for NFS, false for SMB and FUSE. */
  readonly strongTokens: boolean;
  /** A system call that takes longer than this is given up. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  /** Default: this program. */
  readonly guardCommand?: readonly string[] | undefined;
}

/** Servers keep mtimes to the second, to two on FAT; a guard or four make the calls. */
const CAPABILITIES: Omit<OriginCapabilities, "strongTokens"> = {
  byteNames: true,
  mtimePrecisionMs: 2000,
  maxConcurrency: 8,
  onThisMachine: false,
  tellsProgress: true,
};

export function openGuardedOrigin(options: GuardedOriginOptions): LocalOrigin {
  const { id, type, path, requireMount, strongTokens, deadlineMs, clock } = options;
  const command = options.guardCommand ?? guardCommand();
  const tokens = strongTokens ? "strong" : "weak";
  const settings: GuardSettings = { path, tokens, requireMount };
  const startGuard = (serial: number) => new GuardProcess(serial, command, settings);
  return new LocalOrigin({
    id,
    type,
    capabilities: { ...CAPABILITIES, strongTokens },
    disk: new GuardedDisk({ startGuard, clock, deadlineMs }),
  });
}
