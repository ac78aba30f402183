/**
 * Where files lie, by the XDG Base Directory rules (version 0.8): `$XDG_*_HOME` when it is set and
 * absolute, else below the home directory; root without those variables uses the system's places.
 */

import { join } from "node:path";
import { OwnError } from "../errors.ts";

/** What the process knows of its user and surroundings; a parameter, so that tests make their own. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Effective user id. */
  readonly uid: number;
  /** The home directory, absolute; undefined when there is none. */
  readonly home: string | undefined;
  /** Absolute. */
  readonly workingDirectory: string;
}

const ROOTS_RUNTIME_DIR = "/run/musicfs";

function absolute(path: string | undefined): string | undefined {
  return path?.startsWith("/") ? path : undefined;
}

function xdgDirectory(
  around: Surroundings,
  variable: string,
  rootsOwn: string,
  belowHome: string,
): string {
  const base = absolute(around.env[variable]);
  if (base !== undefined) return join(base, "musicfs");
  if (around.uid === 0) return rootsOwn;
  return join(homeDirectory(around), belowHome, "musicfs");
}

/** The home directory; throws `config` where there is none. */
export function homeDirectory(around: Surroundings): string {
  if (around.home !== undefined) return around.home;
  throw new OwnError("config", "no home directory is known: set HOME");
}

export function defaultConfigFile(around: Surroundings): string {
  return join(xdgDirectory(around, "XDG_CONFIG_HOME", "/etc/musicfs", ".config"), "config.toml");
}

export function defaultCacheDir(around: Surroundings): string {
  return xdgDirectory(around, "XDG_CACHE_HOME", "/var/cache/musicfs", ".cache");
}

export function defaultMountPoint(around: Surroundings): string {
  return around.uid === 0 ? "/mnt/musicfs" : join(homeDirectory(around), "musicfs");
}

/**
 * Where a mount makes its control socket: one place for all mounts of a user, whatever their cache
 * directories. A user without `$XDG_RUNTIME_DIR` has it in the usual cache directory.
 */
export function runtimeDir(around: Surroundings): string {
  const { XDG_RUNTIME_DIR } = around.env;
  const base = absolute(XDG_RUNTIME_DIR);
  if (base !== undefined) return join(base, "musicfs");
  return around.uid === 0 ? ROOTS_RUNTIME_DIR : join(defaultCacheDir(around), "run");
}

/**
 * Where a mount of this user may have made its socket, the likeliest first: `$XDG_RUNTIME_DIR` is
 * there in a login and often missing in a service or a cron job.
 */
export function runtimeDirs(around: Surroundings): readonly string[] {
  const withoutVariable = { ...around, env: { ...around.env, XDG_RUNTIME_DIR: undefined } };
  const ofLogin = join("/run/user", String(around.uid), "musicfs");
  return [...new Set([runtimeDir(around), ofLogin, runtimeDir(withoutVariable)])];
}

/** `~` and `~/…` with the home directory put in; everything else as it is. */
export function expandHome(path: string, around: Surroundings): string {
  if (path !== "~" && !path.startsWith("~/")) return path;
  return join(homeDirectory(around), path.slice(1));
}
