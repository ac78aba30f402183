/**
 * The configuration of a running mount. Origins can be changed: in the file and in the mount, both
 * or neither. Everything else in the file counts from the next mount on.
 */

import type { Clock } from "../clock.ts";
import type { Config, OriginSettings } from "../config/config.ts";
import { editOrigins, type OriginEdit } from "../config/edit.ts";
import { type ConfigFlags, configOfText, loadConfig } from "../config/load.ts";
import type { Surroundings } from "../config/paths.ts";
import { editFile } from "../config/write.ts";
import type { Reloaded } from "../control/controlled_mount.ts";
import { messageOf, OwnError } from "../errors.ts";
import { checkPlacement, placesOf } from "./placement.ts";

export interface RunningConfigPorts {
  /** What is in force when the mount begins. */
  readonly config: Config;
  /** The file it came from; undefined when there is none, or its origins were not asked for. */
  readonly file: string | undefined;
  readonly flags: ConfigFlags;
  readonly around: Surroundings;
  readonly clock: Clock;
  /** Makes the mount's origins exactly these, as `OriginSet.configure`. */
  readonly configure: (origins: readonly OriginSettings[]) => Promise<void>;
  /** Something that may happen, for the log. */
  readonly onWarning: (message: string) => void;
}

/** As the file names the tables, and settings that stand alone. */
const ONLY_AT_START: Readonly<Partial<Record<keyof Config, string>>> = {
  mountPoint: "mount_point",
  cacheDir: "cache_dir",
  cache: "cache",
  health: "health",
  read: "read",
  mount: "mount",
  log: "log",
  metrics: "metrics",
};

export class RunningConfig {
  #origins: readonly OriginSettings[];
  /** One change follows the other. */
  #latest: Promise<unknown> = Promise.resolve();

  constructor(readonly ports: RunningConfigPorts) {
    this.#origins = ports.config.origins;
  }

  /** In the order of the file. */
  get origins(): readonly OriginSettings[] {
    return this.#origins;
  }

  /**
   * Changes the file and the mount; what else was edited in the file's origins takes effect, too.
   * Resolves to whether there was anything to change. Rejects as `editOrigins` and `editFile`, and
   * with what an origin cannot be opened for.
   */
  edit(edit: OriginEdit): Promise<boolean> {
    return this.#inTurn(async () => {
      const { flags, around, clock } = this.ports;
      const file = this.#file();
      let isChanged = false;
      await this.#restoring(() =>
        editFile(file, { uid: around.uid, clock }, async (text) => {
          const edited = await editOrigins(text, file, edit);
          isChanged = edited !== text;
          await this.#apply(await configOfText(edited, file, flags, around));
          return edited;
        }),
      );
      return isChanged;
    });
  }

  /** Reads the file again. Rejects as `loadConfig`, and then all is as it was. */
  reload(): Promise<Reloaded> {
    return this.#inTurn(async () => {
      const { flags, around, config: running } = this.ports;
      const file = this.#file();
      const before = this.#origins;
      const { config } = await loadConfig({ ...flags, config: file }, around);
      await this.#restoring(() => this.#apply(config));
      const needsRemount = Object.entries(ONLY_AT_START)
        .filter(([key]) => {
          const name = key as keyof Config;
          return !Bun.deepEquals(config[name], running[name]);
        })
        .map(([, name]) => name);
      return { file, changed: !Bun.deepEquals(before, config.origins), needsRemount };
    });
  }

  #file(): string {
    const { file } = this.ports;
    if (file !== undefined) return file;
    throw new OwnError(
      "usage",
      "the origins of this mount were given by --origin: there is no file to keep changes in; mount with a configuration file",
    );
  }

  async #apply(config: Config): Promise<void> {
    // Where the mount and its cache are has not changed, whatever the file says.
    const { mountPoint, cacheDir } = this.ports.config;
    const { origins } = config;
    checkPlacement(placesOf({ mountPoint, cacheDir, origins }));
    await this.ports.configure(origins);
    this.#origins = origins;
  }

  /** The origins are again what they were when the change fails in the middle. */
  async #restoring(change: () => Promise<void>): Promise<void> {
    const before = this.#origins;
    try {
      await change();
    } catch (error) {
      this.#origins = before;
      await this.ports.configure(before).catch((again: unknown) => {
        this.ports.onWarning(`origins are not as they were: ${messageOf(again)}`);
      });
      throw error;
    }
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#latest.then(change);
    this.#latest = turn.catch(() => undefined);
    return turn;
  }
}
