/**
 * The configuration as the program uses it: every default filled in, every path absolute, names in
 * camelCase with the unit last. `schema.ts` says how it is written; `resolve.ts` makes one from the
 * other. docs/configuration.md is the same reference for people.
 */

import type { BytePath } from "../bytes.ts";
import type { LogLevel } from "../log.ts";
import type { ConfiguredOriginType, OriginId } from "../origins/origin.ts";

export interface Config {
  /** Where the tree is mounted, absolute. */
  readonly mountPoint: string;
  /** Catalog, cache and the daemon's log, absolute; 0700 and the user's own. */
  readonly cacheDir: string;
  /** In the order of the file, which settles equal priorities. Ids are unique. */
  readonly origins: readonly OriginSettings[];
  readonly cache: CacheSettings;
  readonly health: HealthSettings;
  readonly read: ReadSettings;
  readonly mount: MountSettings;
  readonly log: LogSettings;
  readonly metrics: MetricsSettings;
}

/** What every origin has, whatever its type. */
export interface CommonOriginSettings {
  readonly id: OriginId;
  /** 0..255, lower is preferred. Default 100. */
  readonly priority: number;
  /** Default true. */
  readonly enabled: boolean;
  /** Where the origin's files appear in the tree; `""` is the root. */
  readonly prefix: BytePath;
  /**
   * Globs of what is left out, files and directories: one without `/` is matched against names, one
   * with `/` against the whole path below the origin's root. Default: `DEFAULT_EXCLUDE`.
   */
  readonly exclude: readonly string[];
  /** After this long an operation is cancelled and counts as failed. Default 30 000. */
  readonly operationTimeoutMs: number;
  /** Operations at once; undefined: what the origin's type does best. */
  readonly maxConcurrency: number | undefined;
  /** Undefined: no limit. */
  readonly bandwidthLimitBytesPerSec: number | undefined;
  /** Whether its bytes are kept in the block cache. Default: false for local, else true. */
  readonly cache: boolean;
  /** Between two looks at an origin that cannot be watched. Default 900. */
  readonly pollIntervalSecs: number;
  /** For how long attributes once seen are believed at open. Default 60; 0 asks at every open. */
  readonly revalidateSecs: number;
  /** Path or URL of a published index of chunks; undefined: none. */
  readonly index: string | undefined;
  /** Whether an entry of the index is believed by size and mtime alone. Default false. */
  readonly indexTrust: boolean;
  /** Undefined: what the type does without (agent, SDK's own chain, the system's mount). */
  readonly credentials: CredentialsSource | undefined;
}

/** Where an origin's secrets come from; the secrets themselves are never in the configuration. */
export type CredentialsSource =
  /** Environment variables that begin with `prefix` and `_`. */
  | { readonly from: "env"; readonly prefix: string }
  /** An absolute path, or a bare name in systemd's `$CREDENTIALS_DIRECTORY`. */
  | { readonly from: "file"; readonly path: string }
  /** A line for `/bin/sh -c` whose output is read like such a file. */
  | { readonly from: "command"; readonly command: string };

export interface LocalOriginSettings extends CommonOriginSettings {
  readonly originType: "local";
  /** Absolute. */
  readonly path: string;
  /** Whether changes are heard of by inotify; else the origin is polled. Default true. */
  readonly watch: boolean;
}

/** A path where the system has mounted the share. */
export interface NetworkOriginSettings extends CommonOriginSettings {
  readonly originType: "nfs" | "smb";
  /** Absolute. */
  readonly path: string;
  /** Whether the path must be a mount point of a network or FUSE file system. Default true. */
  readonly requireMount: boolean;
}

export interface S3OriginSettings extends CommonOriginSettings {
  readonly originType: "s3";
  readonly bucket: string;
  /** Key prefix without leading or trailing slash; `""` is the whole bucket. */
  readonly path: string;
  /** Undefined: the SDK's own (environment, profile). */
  readonly region: string | undefined;
  /** `http://` or `https://` URL without credentials; undefined: AWS. */
  readonly endpoint: string | undefined;
  /** Default: true with an endpoint, else false. */
  readonly forcePathStyle: boolean;
  readonly profile: string | undefined;
}

export interface SftpOriginSettings extends CommonOriginSettings {
  readonly originType: "sftp";
  /** A name, an address, or an alias of `~/.ssh/config`. */
  readonly host: string;
  /** Undefined: `~/.ssh/config`'s, else 22. */
  readonly port: number | undefined;
  /** Undefined: `~/.ssh/config`'s, else the user who runs the program. */
  readonly user: string | undefined;
  /** On the server; relative ones begin at the login directory. Default `"."`. */
  readonly path: string;
  /** Absolute; undefined: `~/.ssh/config`'s, the agent, then the usual files. */
  readonly identityFile: string | undefined;
  /** Absolute. Default `~/.ssh/known_hosts`. */
  readonly knownHosts: string;
  /** Default 4. */
  readonly maxConnections: number;
  /** The configuration file that this is from, absolute, where it was chosen; undefined: the usual one. */
  readonly configFile?: string;
}

export type OriginSettings =
  | LocalOriginSettings
  | NetworkOriginSettings
  | S3OriginSettings
  | SftpOriginSettings;

export interface CacheSettings {
  /** Memory that the connections' page caches follow, in bytes. Default 100 MiB. */
  readonly metadataCacheBytes: number;
  /** Disk for file contents. Default 10 GiB; 0 keeps none. */
  readonly contentCacheBytes: number;
  /** Whether an album's next track is fetched while one is read. Default true. */
  readonly prefetch: boolean;
}

export interface HealthSettings {
  /** Default 30. */
  readonly checkIntervalSecs: number;
  /** Bounds each check. Default 5000. */
  readonly timeoutMs: number;
  /** Consecutive failures that make an origin unhealthy; see {@link unhealthyThreshold}. Default 3. */
  readonly unhealthyThreshold: number;
  readonly perOriginThresholds: { readonly [Type in ConfiguredOriginType]?: number | undefined };
}

/** How readily another replica may stand in; see docs/semantics.md. */
export type FailoverPolicy = "probable" | "proved";
export type MismatchPolicy = "refuse" | "serve";

export interface ReadSettings {
  /** Any one READ of the kernel is answered within this (NFR-7.2). Default 30 000. */
  readonly readDeadlineMs: number;
  /** Default true. */
  readonly hedge: boolean;
  /** Default `probable`. */
  readonly failover: FailoverPolicy;
  /** Default `refuse`. */
  readonly onMismatch: MismatchPolicy;
}

export type PassthroughMode = "off" | "cache" | "all";

export interface MountSettings {
  /** Whether other users may use the mount. Default false. */
  readonly allowOther: boolean;
  /** Owner of everything shown; undefined: the origins' owners for root, else the caller. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Default `cache`. */
  readonly passthrough: PassthroughMode;
}

export interface LogSettings {
  /** Default `info`. */
  readonly level: LogLevel;
}

export interface MetricsSettings {
  /** Undefined: over the unix socket only. */
  readonly listen: ListenAddress | undefined;
}

export interface ListenAddress {
  readonly host: string;
  /** 1..65535. */
  readonly port: number;
}

/** Consecutive failures after which an origin of this type is unhealthy (F-6). */
export function unhealthyThreshold(health: HealthSettings, type: string): number {
  const own = Object.entries(health.perOriginThresholds).find(([key]) => key === type)?.[1];
  return own ?? (type === "local" ? 1 : health.unhealthyThreshold);
}
