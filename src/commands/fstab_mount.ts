/**
 * `mount.musicfs SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS]`, as mount(8) calls it for a line of
 * /etc/fstab (mount(8), "External helpers"). SOURCE is a configuration file, or `musicfs` or `none`
 * for the usual one. Always in the background.
 */

import type { Command } from "commander";
import type { PassthroughMode } from "../core/config/config.ts";
import type { ConfigFlags } from "../core/config/load.ts";
import { OwnError } from "../core/errors.ts";
import { LOG_LEVELS, type LogLevel } from "../core/log.ts";
import { action, contextOf } from "./context.ts";
import { mountLibrary } from "./mount.ts";
import { repeatable } from "./repeatable.ts";

export interface MountOptionsOfFstab {
  readonly flags: ConfigFlags;
  readonly requireAll: boolean;
}

/** Options of mount(8) and of systemd that ask nothing of a file system that only reads. */
const IGNORED =
  /^(?:defaults|ro|rw|auto|noauto|user|nouser|users|owner|group|_netdev|nofail|exec|noexec|suid|nosuid|dev|nodev|(?:no|rel|strict)?atime|(?:no)?diratime|(?:a)?sync|loud|silent|comment=.*|[xX][-.].*)$/;

const PASSTHROUGH: readonly PassthroughMode[] = ["off", "cache", "all"];

/** Throws `usage` for an option that is not known, unless `sloppy`. */
export function parseFstabOptions(options: readonly string[], sloppy = false): MountOptionsOfFstab {
  const flags: { -readonly [Key in keyof ConfigFlags]: ConfigFlags[Key] } = {};
  let requireAll = false;
  for (const option of options.flatMap((list) => list.split(",")).filter((text) => text !== "")) {
    const equals = option.indexOf("=");
    const [name, value] =
      equals < 0 ? [option, ""] : [option.slice(0, equals), option.slice(equals + 1)];
    if (option === "allow_other") flags.allowOther = true;
    else if (option === "require_all") requireAll = true;
    else if (name === "uid") flags.uid = userIdOf(option, value);
    else if (name === "gid") flags.gid = userIdOf(option, value);
    else if (name === "config") flags.config = value;
    else if (name === "cache_dir") flags.cacheDir = value;
    else if (name === "passthrough")
      flags.passthrough = oneOf<PassthroughMode>(option, value, PASSTHROUGH);
    else if (name === "log_level") flags.logLevel = oneOf<LogLevel>(option, value, LOG_LEVELS);
    else if (!IGNORED.test(option) && !sloppy) {
      throw new OwnError(
        "usage",
        `mount option "${option}" is not known; see musicfs mount.musicfs --help`,
      );
    }
  }
  return { flags, requireAll };
}

function userIdOf(option: string, value: string): number {
  if (/^\d{1,10}$/.test(value) && Number(value) < 4_294_967_295) return Number(value);
  throw new OwnError("usage", `mount option "${option}" needs a number`);
}

function oneOf<T extends string>(option: string, value: string, known: readonly T[]): T {
  const found = known.find((each) => each === value);
  if (found !== undefined) return found;
  throw new OwnError("usage", `mount option "${option}" must be one of ${known.join(", ")}`);
}

interface HelperFlags {
  readonly o?: readonly string[];
  readonly s?: true;
  readonly f?: true;
}

const HELP = `
Options of -o: allow_other, uid=, gid=, config=FILE, cache_dir=DIR, passthrough=off|cache|all,
require_all, log_level=; those of mount(8) and systemd that do not matter here are ignored.

A line of /etc/fstab, with /sbin/mount.musicfs a link to musicfs:
  musicfs  /mnt/music  musicfs  allow_other,_netdev,nofail  0 0`;

export function setUp(command: Command): void {
  command
    .argument("<source>", 'a configuration file, or "musicfs" or "none" for the usual one')
    .argument("<mountpoint>")
    .option("-o <options>", "mount options, separated by commas", repeatable)
    .option("-s", "ignore options that are not known")
    .option("-f", "do everything but mount")
    .option("-n", "ignored")
    .option("-v", "ignored")
    .option("-t <type>", "ignored")
    .option("-N <namespace>", "ignored")
    .addHelpText("after", HELP)
    .action(
      action(async (source: string, mountPoint: string, given: HelperFlags) => {
        const { around, flags: globalFlags, json } = contextOf(command);
        const { flags, requireAll } = parseFstabOptions(given.o ?? [], given.s === true);
        const config = flags.config ?? (source.includes("/") ? source : globalFlags.config);
        if (given.f) return undefined;
        const all = { ...globalFlags, ...flags, config, mountPoint };
        return mountLibrary(all, { around, daemon: true, requireAll, json });
      }),
    );
}
