/** A machine with nothing wrong, but for what a test says. */

import type { Config } from "../../../src/core/config/config.ts";
import { checkConfig } from "../../../src/core/config/parse.ts";
import type { Surroundings } from "../../../src/core/config/paths.ts";
import { resolveConfig } from "../../../src/core/config/resolve.ts";
import type { Machine } from "../../../src/core/doctor/machine.ts";
import { parseMountInfo } from "../../../src/core/sys/mountinfo.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

export const USER = 1000;
export const NOW_MS = Date.UTC(2026, 0, 1);

const TEXTS: Readonly<Record<string, string>> = {
  "/proc/sys/kernel/osrelease": "6.18.1\n",
  "/proc/self/status": "Name:\tbun\nCapEff:\t000001ffffffffff\nNoNewPrivs:\t0\n",
  "/proc/self/limits":
    "Limit                     Soft Limit           Hard Limit           Units\n" +
    "Max open files            524288               524288               files\n",
  "/proc/sys/fs/inotify/max_user_watches": "1048576\n",
  "/proc/sys/fs/inotify/max_user_instances": "128\n",
  "/etc/fuse.conf": "user_allow_other\n",
};

const DIRECTORY = { isDirectory: true, uid: USER, mode: 0o40700, mtimeMs: NOW_MS };

export interface MadeUp extends Omit<Partial<Machine>, "text" | "mounts"> {
  /** In place of the usual ones; undefined: cannot be read. */
  readonly texts?: Readonly<Record<string, string | undefined>>;
  /** The type of the file system at /. */
  readonly fileSystem?: string;
}

export function machine({ texts = {}, fileSystem = "ext4", ...other }: MadeUp = {}): Machine {
  return {
    clock: new VirtualClock(1000, NOW_MS),
    tryDevice: () => 0,
    fusermount: () => "/usr/bin/fusermount3",
    text: (path) => (path in texts ? texts[path] : TEXTS[path]),
    state: (path) =>
      path === "/usr/bin/fusermount3"
        ? { isDirectory: false, uid: 0, mode: 0o104755, mtimeMs: 0 }
        : DIRECTORY,
    isWritable: () => true,
    mounts: () => parseMountInfo(Buffer.from(`1 0 8:1 / / rw - ${fileSystem} disk rw\n`)),
    space: () => ({ freeBytes: 100 * 1024 ** 3, sizeBytes: 200 * 1024 ** 3 }),
    serverTimeMs: () => Promise.resolve(undefined),
    ...other,
  };
}

export const AROUND: Surroundings = {
  env: {},
  uid: USER,
  home: "/home/someone",
  workingDirectory: "/",
};

/** From tables as the file has them. */
export function config(written: Readonly<Record<string, unknown>>, around = AROUND): Config {
  return resolveConfig(checkConfig(written, "test"), around);
}

export const LOCAL = { id: "disk", origin_type: "local", path: "/srv/music" };
export const S3 = { id: "cloud", origin_type: "s3", bucket: "music", region: "eu-central-1" };
export const SFTP = { id: "nas", origin_type: "sftp", host: "nas.example" };
