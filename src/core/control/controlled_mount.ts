/** What the control API needs of a running mount. Errors are `MusicFsError`s, anything else is a bug. */

import type { BytePath } from "../bytes.ts";
import type { CacheState } from "../cache/block_cache.ts";
import type { FetchedFiles } from "../cache/fetch_files.ts";
import type {
  CacheStats,
  ClearOptions,
  ClearReport,
  VerifyOptions,
  VerifyReport,
} from "../cache/store_protocol.ts";
import type { OriginSettings } from "../config/config.ts";
import type { OriginEdit } from "../config/edit.ts";
import type { OriginReport } from "../federation/federation.ts";
import type { OriginId } from "../origins/origin.ts";
import type { SyncDeltaReport, SyncDeltaWish } from "../sync/delta/sync_delta.ts";
import type { ScanSummary, ScanSums } from "../sync/scan_origins.ts";

export interface ControlledOrigin {
  readonly report: OriginReport;
  readonly settings: OriginSettings;
  readonly traffic: OriginTraffic;
  /** Operations of the origin under way. */
  readonly operations: number;
  /** Wall clock, ms, when every directory of it was last listed; undefined for never. */
  readonly lastCompleteScanMs: number | undefined;
}

/** What was read from an origin since it was added, by whatever thread. */
export interface OriginTraffic {
  readonly reads: number;
  readonly bytes: number;
}

export interface MountIdentity {
  readonly version: string;
  readonly mountPoint: string;
  readonly cacheDir: string;
  /** Undefined when there is no configuration file, or its origins were not asked for. */
  readonly configFile: string | undefined;
  /** Wall clock, milliseconds since the epoch. */
  readonly startedMs: number;
}

export interface LibraryTotals {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  readonly filesWithoutProvedReplica: number;
}

export interface ScanUnderWay {
  readonly origin: OriginId;
  readonly startedMs: number;
  readonly progress: {
    readonly directories: number;
    readonly pending: number;
    readonly files: number;
    readonly bytes: number;
  };
}

export interface ScanWish {
  /** Enabled ones. */
  readonly origins: readonly OriginId[];
  readonly allowEmpty: boolean;
  readonly wait: boolean;
  /** As `ScanOptions.full`. */
  readonly full: boolean;
  readonly onProgress: (sums: ScanSums) => void;
}

export interface Reloaded {
  readonly file: string | undefined;
  /** Whether anything took effect. */
  readonly changed: boolean;
  /** Tables of settings that only count from the next mount on, as the file names them. */
  readonly needsRemount: readonly string[];
}

/** What people ask of a cache; paths are of the tree. Fails with `cache` where it cannot be used. */
export interface ControlledCache {
  readonly state: CacheState;
  readonly usage: CacheUsage;
  stats(): Promise<CacheStats>;
  clear(options: ClearOptions): Promise<ClearReport>;
  verify(options: VerifyOptions, onProgress: OnBytes): Promise<VerifyReport>;
  /** Fetches, too. Rejects with `usage` for a path that is not there, `cache` for too much. */
  pin(paths: readonly BytePath[], onProgress: OnBytes): Promise<FetchedFiles>;
  /** Rejects with `usage` for a path that is not pinned. */
  unpin(paths: readonly BytePath[]): Promise<void>;
  /** Rejects as `pin`. */
  prefetch(paths: readonly BytePath[], onProgress: OnBytes): Promise<FetchedFiles>;
  /** Brings cached files to their new versions. Rejects with `usage` for a path that is not there. */
  syncDelta(wish: SyncDeltaWish, onProgress: OnBytes): Promise<SyncDeltaReport>;
}

export interface CacheUsage {
  readonly usedBytes: number;
  readonly limitBytes: number;
  /** Bytes that reads took from the cache, and from elsewhere, since the mount began. */
  readonly hitBytes: number;
  readonly missedBytes: number;
  /** Opens since then of files that the kernel reads from the cache by itself, whose bytes nobody counts. */
  readonly opensPassedThrough: number;
}

/** How far something has come, in bytes. */
export type OnBytes = (doneBytes: number, totalBytes: number) => void;

export interface ControlledMount {
  readonly identity: MountIdentity;
  /** In the order of the configuration. */
  origins(): readonly ControlledOrigin[];
  totals(): LibraryTotals;
  scans(): readonly ScanUnderWay[];
  /** Reads that wait for an origin. */
  readonly readsWaiting: number;
  /** Undefined: nothing is kept (`content_cache_gb = 0`). */
  readonly cache: ControlledCache | undefined;
  /** Checks an origin now; rejects with `usage` for one that is not there or disabled. */
  check(id: OriginId): Promise<void>;
  /** Scans origins; failures of theirs are outcomes. */
  scan(wish: ScanWish): Promise<ScanSummary>;
  /**
   * Makes the change here and in the configuration file: both or neither. Answers whether there was
   * anything to change. Rejects with `usage`, `config`, `busy`.
   */
  changeOrigins(edit: OriginEdit): Promise<boolean>;
  /** Reads the configuration file again. Rejects with `config`, and then all is as it was. */
  reload(): Promise<Reloaded>;
}
