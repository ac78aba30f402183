/** `musicfs mount`. */

import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { PassthroughMode } from "../core/config/config.ts";
import { type ConfigFlags, loadConfig } from "../core/config/load.ts";
import { ownDirectory } from "../core/config/own_file.ts";
import type { Surroundings } from "../core/config/paths.ts";
import { OwnError } from "../core/errors.ts";
import { standardErrorLogger } from "../core/log.ts";
import { daemonStarter, selfCommand, startDaemon } from "../core/mount/daemonize.ts";
import { serviceManager } from "../core/mount/service_notices.ts";
import { action, contextOf } from "./context.ts";
import { print, printJson } from "./output.ts";
import { repeatable } from "./repeatable.ts";
import { versionText } from "./version.ts";

interface MountFlags {
  readonly origin?: readonly string[];
  readonly daemon?: true;
  readonly requireAll?: true;
  readonly allowOther?: true;
  readonly passthrough?: PassthroughMode;
  readonly uid?: number;
  readonly gid?: number;
  readonly metrics?: string;
}

const HELP = `
Examples:
  musicfs mount                                  what the configuration says
  musicfs mount /mnt/music --origin /srv/music --origin nas=/mnt/nas/music
                                                 without one: priorities 1, 2, in this order
  musicfs mount --daemon --require-all           in the background, once all origins are known

It runs in the foreground until it is unmounted or gets SIGINT or SIGTERM.`;

export function setUp(command: Command): void {
  command
    .argument("[mountpoint]", "an empty directory (default: the configuration's mount_point)")
    .option(
      "--origin <[ID=]PATH>",
      "a local origin, in place of the configured ones; repeat",
      repeatable,
    )
    .option("--daemon", "go to the background once the mount can be used")
    .option("--require-all", "refuse while an enabled origin was never listed")
    .option("--allow-other", "let other users use the mount")
    .addOption(
      new Option("--passthrough <mode>", "what the kernel reads by itself").choices([
        "off",
        "cache",
        "all",
      ]),
    )
    .option("--uid <uid>", "owner of everything shown", userId)
    .option("--gid <gid>", "group of everything shown", userId)
    .option("--metrics <[HOST:]PORT>", "serve Prometheus metrics there; without HOST: 127.0.0.1")
    .addHelpText("after", HELP)
    .action(
      action(async (mountPoint: string | undefined, given: MountFlags) => {
        const { around, flags, json } = contextOf(command);
        const { origin, daemon = false, requireAll = false, ...settings } = given;
        const all = { ...flags, ...settings, mountPoint, origins: origin };
        return mountLibrary(all, { around, daemon, requireAll, json });
      }),
    );
}

export function userId(value: string): number {
  if (/^\d{1,10}$/.test(value) && Number(value) < 4_294_967_295) return Number(value);
  throw new InvalidArgumentError("It must be a number.");
}

export interface MountRun {
  readonly around: Surroundings;
  readonly daemon: boolean;
  readonly requireAll: boolean;
  readonly json: boolean;
}

/** Mounts and serves; as a daemon it returns once the mount can be used. */
export async function mountLibrary(flags: ConfigFlags, run: MountRun): Promise<undefined> {
  const starter = daemonStarter();
  const manager = serviceManager(process.env, process.pid);
  try {
    const { around, requireAll } = run;
    const { config, file } = await loadConfig(flags, around);
    if (!config.origins.some(({ enabled }) => enabled)) {
      throw new OwnError(
        "config",
        "there is nothing to mount: add an origin with musicfs origins add, or give --origin PATH",
      );
    }
    ownDirectory(config.cacheDir, "cache directory", around.uid);
    const { mountPoint } = config;
    if (run.daemon && starter === undefined) {
      const log = join(config.cacheDir, "musicfs.log");
      const pid = await startDaemon(selfCommand(process.argv.slice(2)), log);
      if (run.json) printJson({ mount_point: mountPoint, pid, log });
      else print(`mounted on ${mountPoint} by process ${pid}, which logs to ${log}`);
      return;
    }
    // A daemon keeps no file system busy but its own.
    if (starter !== undefined) process.chdir("/");
    const log = standardErrorLogger(config.log.level, around.env);
    const onReady = () => starter?.ready();
    const version = versionText();
    // Not loaded by a process that only starts the daemon.
    const { runMount } = await import("../core/mount/run_mount.ts");
    const source = { config, configFile: file, flags, around, manager };
    await runMount({ ...source, version, log, requireAll, onReady });
  } catch (error) {
    starter?.failed(error);
    throw error;
  }
}
