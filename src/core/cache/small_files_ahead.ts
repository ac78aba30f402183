/**
 * Small files that a program reads one after the other, as whoever copies a directory or collects
 * covers and lyrics does: the next ones are fetched meanwhile, side by side, so that he does not wait
 * for the way to the origin at each of them.
 *
 * Two files in a row, in the order of the directory's listing and with no other small file between
 * them, are taken for such a program. What it does not come to is dropped after a while. Larger files
 * are left alone: whoever looks at their heads may want nothing else of them.
 */

import type { Clock } from "../clock.ts";
import { MusicFsError } from "../errors.ts";
import type { FederatedFile } from "../federation/file.ts";
import { OPEN_AHEAD_FILES } from "../limits.ts";
import { isSmallFile } from "./next_small_files.ts";

/** So many files are fetched at first, and twice as many each time, up to OPEN_AHEAD_FILES. */
export const FIRST_FILES_AHEAD = 4;

/** They are dropped when none of them was read for so long. */
export const FILES_AHEAD_MS = 2000;

export interface SmallFilesAheadPorts {
  readonly clock: Clock;
  /** As `nextSmallFiles`. Throws where the catalog cannot be read. */
  readonly following: (version: number, maxFiles: number) => readonly FederatedFile[];
  /** Has the file's bytes fetched if that is worth while, and kept in memory until disposed. Throws as `following`. */
  readonly fetch: (file: FederatedFile) => Disposable;
}

export class SmallFilesAhead implements Disposable {
  /** Fetched or on their way, and not read yet, by version. */
  readonly #ahead = new Map<number, Disposable>();
  /** The version that whoever goes through the directory reads next. */
  #expected: number | undefined;
  /** The last one that is ahead; undefined after the directory's last. */
  #last: number | undefined;
  #window = 0;
  #timer: Disposable | undefined;
  #usedMs = 0;

  constructor(private readonly ports: SmallFilesAheadPorts) {}

  /** The first read of an open file has begun. */
  reading(file: FederatedFile): void {
    if (!isSmallFile(file)) return;
    const { version } = file;
    const ahead = this.#ahead.get(version);
    if (ahead !== undefined) {
      this.#ahead.delete(version);
      ahead[Symbol.dispose]();
      this.#usedMs = this.ports.clock.monotonicMs();
    }
    try {
      if (ahead === undefined) this.#notAhead(version);
      else if (this.#ahead.size <= this.#window / 2) this.#fetchMore();
    } catch (error) {
      // A guess is not worth a failed read: what ails the catalog shows where it is needed.
      if (!(error instanceof MusicFsError)) throw error;
    }
  }

  /** Files that are ahead of their reader. */
  get size(): number {
    return this.#ahead.size;
  }

  /** Lets go of everything, and begins anew. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#expected = undefined;
    this.#last = undefined;
    for (const ahead of this.#ahead.values()) ahead[Symbol.dispose]();
    this.#ahead.clear();
  }

  #notAhead(version: number): void {
    if (version === this.#expected) this.#begin(version);
    else this.#expected = this.ports.following(version, 1)[0]?.version;
  }

  #begin(version: number): void {
    this[Symbol.dispose]();
    this.#usedMs = this.ports.clock.monotonicMs();
    this.#window = FIRST_FILES_AHEAD / 2;
    this.#last = version;
    this.#fetchMore();
    this.#dropUnused(FILES_AHEAD_MS);
  }

  #fetchMore(): void {
    if (this.#last === undefined) return;
    this.#window = Math.min(this.#window * 2, OPEN_AHEAD_FILES);
    const { following, fetch } = this.ports;
    const files = following(this.#last, this.#window - this.#ahead.size);
    this.#last = files.at(-1)?.version;
    for (const file of files) this.#ahead.set(file.version, fetch(file));
  }

  #dropUnused(delayMs: number): void {
    const { clock } = this.ports;
    this.#timer = clock.schedule(delayMs, () => {
      const leftMs = this.#usedMs + FILES_AHEAD_MS - clock.monotonicMs();
      if (leftMs > 0) this.#dropUnused(leftMs);
      else this[Symbol.dispose]();
    });
  }
}
