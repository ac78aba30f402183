/**
 * What the `mount` command asks of this directory. The other side of the agreement:
 *
 * - `runMount(options)` (`run_mount.ts`) mounts, serves until the mount ends, and resolves once
 *   nothing of it is left; it rejects with `OwnError` `mount`, `config` or `busy` when the mount
 *   cannot be made.
 * - `unmountAt(mountPoint, { lazy })` (`unmount.ts`) ends the mount there, whoever serves it.
 */

import type { Config } from "../config/config.ts";
import type { ConfigFlags } from "../config/load.ts";
import type { Surroundings } from "../config/paths.ts";
import type { Logger } from "../log.ts";
import type { ServiceManager } from "./service_notices.ts";

export interface MountOptions {
  /** Flags and environment are already in it. `config.mountPoint` is where to mount. */
  readonly config: Config;
  /** The file it came from; undefined with none. */
  readonly configFile: string | undefined;
  /** What it was made with, for reading the file again. */
  readonly flags: ConfigFlags;
  readonly around: Surroundings;
  /** Who started this process as a service, if anybody did. */
  readonly manager: ServiceManager;
  /** Of this program, as `--version` has it. */
  readonly version: string;
  readonly log: Logger;
  /** Refuse to start while an enabled origin was never listed. */
  readonly requireAll: boolean;
  /** Called once when the tree can be used: what waits for `mount --daemon` may go on. */
  readonly onReady: () => void;
}

export interface UnmountOptions {
  /** Detach at once and let what still uses the mount finish. */
  readonly lazy: boolean;
}
