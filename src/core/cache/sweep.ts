/**
 * Removing what a crash or a lost index left behind: data files of which the index knows nothing.
 * Goes over the disk in the background, one directory at a time.
 */

import { rmSync } from "node:fs";
import type { Clock } from "../clock.ts";
import { DATA_DIRECTORIES } from "./data_files.ts";
import { otherGenerations } from "./open_index.ts";
import type { OpenStore } from "./open_store.ts";

/** Between two directories, so that the sweep is no burden to anybody. */
const PAUSE_MS = 20;

export class Sweep implements Disposable {
  #timer: Disposable | undefined;

  /** `onFailure` gets what a step threw; the sweep has ended then. */
  constructor(
    readonly store: OpenStore,
    readonly directory: string,
    readonly clock: Clock,
    readonly onFailure: (error: unknown) => void,
  ) {
    this.#timer = clock.schedule(PAUSE_MS, () => this.#start());
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #start(): void {
    this.#guarded(() => {
      for (const lost of otherGenerations(this.directory, this.store.opened.generation)) {
        rmSync(lost, { recursive: true, force: true });
      }
    });
    this.#next(0);
  }

  #next(number: number): void {
    if (this.#timer === undefined || number === DATA_DIRECTORIES) return;
    this.#timer = this.clock.schedule(PAUSE_MS, () => {
      this.#guarded(() => this.store.sweep(number));
      this.#next(number + 1);
    });
  }

  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this[Symbol.dispose]();
      this.onFailure(error);
    }
  }
}
