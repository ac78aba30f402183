/** From the configuration as written to the one the program uses. */

import { join } from "node:path";
import { pathFromText } from "../bytes.ts";
import type { OriginId } from "../origins/origin.ts";
import type { CommonOriginSettings, Config, CredentialsSource, OriginSettings } from "./config.ts";
import { DEFAULT_EXCLUDE } from "./exclude.ts";
import { defaultCacheDir, defaultMountPoint, expandHome, type Surroundings } from "./paths.ts";
import type { WrittenConfig, WrittenOrigin } from "./schema.ts";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** Puts in what depends on the user and the type, and makes every path absolute. */
export function resolveConfig(written: WrittenConfig, around: Surroundings): Config {
  const { cache, health, read, mount, metrics } = written;
  return {
    mountPoint: absolutePath(written.mount_point ?? defaultMountPoint(around), around),
    cacheDir: absolutePath(written.cache_dir ?? defaultCacheDir(around), around),
    origins: written.origins.map((origin) => resolveOrigin(origin, around)),
    cache: {
      metadataCacheBytes: cache.metadata_cache_mb * MIB,
      contentCacheBytes: Math.round(cache.content_cache_gb * GIB),
      prefetch: cache.prefetch,
    },
    health: {
      checkIntervalSecs: health.check_interval_secs,
      timeoutMs: health.timeout_ms,
      unhealthyThreshold: health.unhealthy_threshold,
      perOriginThresholds: health.per_origin_thresholds,
    },
    read: {
      readDeadlineMs: read.read_deadline_ms,
      hedge: read.hedge,
      failover: read.failover,
      onMismatch: read.on_mismatch,
    },
    mount: {
      allowOther: mount.allow_other,
      uid: mount.uid,
      gid: mount.gid,
      passthrough: mount.passthrough,
    },
    log: { level: written.log.level },
    metrics: { listen: metrics.listen },
  };
}

/** As `path.join` normalizes it, without a trailing slash. */
function absolutePath(path: string, around: Surroundings): string {
  const normal = join("/", expandHome(path, around));
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

export function resolveOrigin(origin: WrittenOrigin, around: Surroundings): OriginSettings {
  const common = commonSettings(origin, around);
  switch (origin.origin_type) {
    case "local":
      return {
        ...common,
        originType: "local",
        path: absolutePath(origin.path, around),
        watch: origin.watch,
      };
    case "nfs":
    case "smb":
      return {
        ...common,
        originType: origin.origin_type,
        path: absolutePath(origin.path, around),
        requireMount: origin.require_mount,
      };
    case "s3":
      return {
        ...common,
        originType: "s3",
        bucket: origin.bucket,
        path: origin.path,
        region: origin.region,
        endpoint: origin.endpoint,
        forcePathStyle: origin.force_path_style ?? origin.endpoint !== undefined,
        profile: origin.profile,
      };
    case "sftp":
      return {
        ...common,
        originType: "sftp",
        host: origin.host,
        port: origin.port,
        user: origin.user,
        path: origin.path,
        identityFile:
          origin.identity_file === undefined
            ? undefined
            : absolutePath(origin.identity_file, around),
        knownHosts: absolutePath(origin.known_hosts, around),
        maxConnections: origin.max_connections,
      };
  }
}

function commonSettings(origin: WrittenOrigin, around: Surroundings): CommonOriginSettings {
  return {
    id: origin.id as OriginId,
    priority: origin.priority,
    enabled: origin.enabled,
    prefix: pathFromText(origin.prefix),
    exclude: origin.exclude ?? DEFAULT_EXCLUDE,
    operationTimeoutMs: origin.operation_timeout_ms,
    maxConcurrency: origin.max_concurrency,
    bandwidthLimitBytesPerSec: origin.bandwidth_limit,
    cache: origin.cache ?? origin.origin_type !== "local",
    pollIntervalSecs: origin.poll_interval_secs,
    revalidateSecs: origin.revalidate_secs,
    index: origin.index,
    indexTrust: origin.index_trust,
    credentials: credentialsSource(origin.credentials, around),
  };
}

function credentialsSource(
  written: WrittenOrigin["credentials"],
  around: Surroundings,
): CredentialsSource | undefined {
  if (written?.env !== undefined) return { from: "env", prefix: written.env };
  if (written?.command !== undefined) return { from: "command", command: written.command };
  if (written?.file === undefined) return undefined;
  const path = written.file.includes("/") ? absolutePath(written.file, around) : written.file;
  return { from: "file", path };
}
