/**
 * How the configuration is written: every key of the TOML file with its values, as valibot schemas.
 * Unknown keys are errors everywhere. Defaults that depend on the type or on the user are put in by
 * `resolve.ts`.
 */

import * as v from "valibot";
import { LOG_LEVELS } from "../log.ts";
import { originTables } from "./origin_schema.ts";
import { amount, filePath, flag, listenAddress, oneOf, wholeNumber } from "./setting.ts";
import { table } from "./table.ts";

const HOUR_MS = 3_600_000;

const threshold = (type: string) =>
  v.optional(wholeNumber(1, 1000, "N", `failures that make ${type} origins unhealthy`));

/** The whole file. */
export const configSchema = table({
  mount_point: v.optional(filePath("where the tree is mounted")),
  cache_dir: v.optional(filePath("catalog, cache and logs")),
  origins: v.optional(originTables, []),
  cache: v.optional(
    table({
      metadata_cache_mb: v.optional(wholeNumber(1, 65_536, "MB", "memory for metadata"), 100),
      content_cache_gb: v.optional(amount(0, 1_000_000, "GB", "disk for file contents"), 10),
      prefetch: v.optional(flag("fetch an album's next track ahead"), true),
    }),
    {},
  ),
  health: v.optional(
    table({
      check_interval_secs: v.optional(wholeNumber(1, 86_400, "SECS", "between checks"), 30),
      timeout_ms: v.optional(wholeNumber(10, HOUR_MS, "MS", "bounds each check"), 5000),
      unhealthy_threshold: v.optional(wholeNumber(1, 1000, "N", "failures in a row"), 3),
      per_origin_thresholds: v.optional(
        table({
          local: threshold("local"),
          nfs: threshold("nfs"),
          smb: threshold("smb"),
          s3: threshold("s3"),
          sftp: threshold("sftp"),
        }),
        {},
      ),
    }),
    {},
  ),
  read: v.optional(
    table({
      read_deadline_ms: v.optional(wholeNumber(100, HOUR_MS, "MS", "bounds each read"), 30_000),
      hedge: v.optional(flag("ask another replica when one is slow"), true),
      failover: v.optional(oneOf(["probable", "proved"], "what may stand in"), "probable"),
      on_mismatch: v.optional(oneOf(["refuse", "serve"], "when replicas differ"), "refuse"),
    }),
    {},
  ),
  mount: v.optional(
    table({
      allow_other: v.optional(flag("let other users use the mount"), false),
      uid: v.optional(wholeNumber(0, 4_294_967_294, "UID", "owner of everything shown")),
      gid: v.optional(wholeNumber(0, 4_294_967_294, "GID", "group of everything shown")),
      passthrough: v.optional(
        oneOf(["off", "cache", "all"], "what the kernel reads by itself"),
        "cache",
      ),
    }),
    {},
  ),
  log: v.optional(table({ level: v.optional(oneOf(LOG_LEVELS, "how much is told"), "info") }), {}),
  metrics: v.optional(
    table({ listen: v.optional(listenAddress("address of the metrics page")) }),
    {},
  ),
});

/** The configuration as written, defaults that depend on nothing put in. */
export type WrittenConfig = v.InferOutput<typeof configSchema>;
export type WrittenOrigin = WrittenConfig["origins"][number];
