/** Finds, reads and completes the configuration: flags over environment over file over defaults. */

import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { displayText } from "../bytes.ts";
import { OwnError } from "../errors.ts";
import { LOG_LEVELS, type LogLevel } from "../log.ts";
import type { Config, PassthroughMode } from "./config.ts";
import { ORIGIN_ID } from "./origin_schema.ts";
import { readOwnFile } from "./own_file.ts";
import { checkConfig, parseConfig } from "./parse.ts";
import { defaultConfigFile, expandHome, type Surroundings } from "./paths.ts";
import { resolveConfig } from "./resolve.ts";
import type { WrittenConfig } from "./schema.ts";
import { isFilePath, showValue } from "./setting.ts";

/** What flags say; undefined is what was not given. Relative paths begin at the working directory. */
export interface ConfigFlags {
  readonly config?: string | undefined;
  readonly mountPoint?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly logLevel?: LogLevel | undefined;
  readonly allowOther?: boolean | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly passthrough?: PassthroughMode | undefined;
  /** As `[metrics] listen`. */
  readonly metrics?: string | undefined;
  /** `PATH` or `ID=PATH`: local origins that take the place of the file's. */
  readonly origins?: readonly string[] | undefined;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file it came from; undefined when there is none. */
  readonly file?: string;
}

/** Where the configuration is, or would be made: `--config`, `$MUSICFS_CONFIG`, the usual place. */
export function configFileOf(
  flags: ConfigFlags,
  around: Surroundings,
): { readonly path: string; readonly chosen: boolean } {
  const { MUSICFS_CONFIG } = around.env;
  const chosen = given(flags.config) ?? given(MUSICFS_CONFIG);
  if (chosen === undefined) return { path: defaultConfigFile(around), chosen: false };
  return { path: fromHere(chosen, around), chosen: true };
}

/**
 * The configuration to work with. Rejects with `config` when a file that was asked for is missing
 * (unless it may be: then there is nothing in it), when the file is not the user's own, and with `ConfigError` when its contents are wrong.
 */
export async function loadConfig(
  flags: ConfigFlags,
  around: Surroundings,
  options: { readonly mayBeMissing?: boolean } = {},
): Promise<LoadedConfig> {
  const { path, chosen } = configFileOf(flags, around);
  const text = readOwnFile(path, { what: "configuration file", uid: around.uid });
  if (text === undefined && chosen && options.mayBeMissing !== true) {
    throw new OwnError(
      "config",
      `configuration file ${displayText(path)} does not exist; ` +
        "make it with: musicfs origins add ID --type local --path PATH",
    );
  }
  if (text === undefined) return { config: completed(checkConfig({}, path), flags, around) };
  return { config: await configOfText(text, path, flags, around), file: path };
}

/** As `loadConfig`, of a file that has, or is to have, this text. Rejects with `ConfigError`. */
export async function configOfText(
  text: string,
  path: string,
  flags: ConfigFlags,
  around: Surroundings,
): Promise<Config> {
  return completed(await parseConfig(text, path), flags, around);
}

function completed(written: WrittenConfig, flags: ConfigFlags, around: Surroundings): Config {
  const config = resolveConfig(overridden(written, flags, around), around);
  return withOwnCacheDir(fromChosenFile(config, flags, around), flags, around);
}

/** Tells origins whose errors name commands which file those are to find. */
function fromChosenFile(config: Config, flags: ConfigFlags, around: Surroundings): Config {
  const { path, chosen } = configFileOf(flags, around);
  if (!chosen) return config;
  const origins = config.origins.map((origin) =>
    origin.originType === "sftp" ? { ...origin, configFile: path } : origin,
  );
  return { ...config, origins };
}

/**
 * A mount of `--origin`s does not share the catalog of the configured one, whose origins it would
 * replace: unless told where, it keeps its own below the cache directory, by mount point.
 */
function withOwnCacheDir(config: Config, flags: ConfigFlags, around: Surroundings): Config {
  const { MUSICFS_CACHE_DIR } = around.env;
  const told = given(flags.cacheDir) ?? given(MUSICFS_CACHE_DIR);
  if (told !== undefined || (flags.origins ?? []).length === 0) return config;
  const name = createHash("sha256").update(config.mountPoint).digest("hex").slice(0, 16);
  return { ...config, cacheDir: join(config.cacheDir, "mounts", name) };
}

function overridden(
  written: WrittenConfig,
  flags: ConfigFlags,
  around: Surroundings,
): WrittenConfig {
  const { MUSICFS_MOUNT_POINT, MUSICFS_CACHE_DIR, MUSICFS_LOG_LEVEL } = around.env;
  const path = (value: string | undefined) => {
    const typed = given(value);
    return typed === undefined ? undefined : fromHere(typed, around);
  };
  const mountPoint = path(flags.mountPoint) ?? path(MUSICFS_MOUNT_POINT) ?? written.mount_point;
  const cacheDir = path(flags.cacheDir) ?? path(MUSICFS_CACHE_DIR) ?? written.cache_dir;
  const { mount } = written;
  const changed: WrittenConfig = {
    ...written,
    mount_point: mountPoint,
    cache_dir: cacheDir,
    metrics: flags.metrics === undefined ? written.metrics : metricsOf(flags.metrics),
    log: { level: flags.logLevel ?? levelOf(MUSICFS_LOG_LEVEL) ?? written.log.level },
    mount: {
      allow_other: flags.allowOther ?? mount.allow_other,
      uid: flags.uid ?? mount.uid,
      gid: flags.gid ?? mount.gid,
      passthrough: flags.passthrough ?? mount.passthrough,
    },
  };
  if (flags.origins === undefined || flags.origins.length === 0) return changed;
  return { ...changed, origins: originsOfFlags(flags.origins, around) };
}

/** `--origin`s as origins: `origin1`, `origin2`, … unless named, priorities 1, 2, … in order. */
function originsOfFlags(
  origins: readonly string[],
  around: Surroundings,
): WrittenConfig["origins"] {
  const written = origins.map((origin, index) => {
    const equals = origin.indexOf("=");
    const named = equals > 0 && ORIGIN_ID.test(origin.slice(0, equals));
    return {
      id: named ? origin.slice(0, equals) : `origin${index + 1}`,
      origin_type: "local",
      priority: Math.min(index + 1, 255),
      path: fromHere(named ? origin.slice(equals + 1) : origin, around),
    };
  });
  return checkConfig({ origins: written }, "--origin").origins;
}

function metricsOf(listen: string): WrittenConfig["metrics"] {
  return checkConfig({ metrics: { listen } }, "--metrics").metrics;
}

function given(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

/** An absolute path from what was typed in the working directory. */
export function fromHere(path: string, around: Surroundings): string {
  return isFilePath(path) ? expandHome(path, around) : resolve(around.workingDirectory, path);
}

function levelOf(value: string | undefined): LogLevel | undefined {
  if (given(value) === undefined) return undefined;
  const level = LOG_LEVELS.find((known) => known === value);
  if (level !== undefined) return level;
  throw new OwnError(
    "config",
    `MUSICFS_LOG_LEVEL must be one of ${LOG_LEVELS.join(", ")}, not ${showValue(value)}`,
  );
}
