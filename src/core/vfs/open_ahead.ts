/**
 * Guesses which files are opened next: a program that goes through a directory, such as a player's
 * scanner, waits for the disk at each of them. Two opens in a row that had to wait, in one directory,
 * are taken for such a program; so is one, once it goes on from a directory in which the guess was
 * right. The directory's next files are then to be fetched, so many at a time that some lie ready
 * while the following ones are on their way, and what the catalog says of them is kept until they are
 * opened.
 */

import type { CatalogReader, KnownFile } from "../catalog/catalog.ts";
import { MusicFsError } from "../errors.ts";
import { OPEN_AHEAD_FILES, OPEN_AHEAD_FRESH_MS } from "../limits.ts";

const NONE: readonly KnownFile[] = [];

export class OpenAhead {
  /** Where the last open that waited was. */
  #directory = 0;
  /** Files of it after entry `#from`, and up to `#to`, are being fetched or are fetched. */
  #from = 0;
  #to = 0;
  /** Those of them that were not opened yet, by version, and until when they may be taken. */
  readonly #files = new Map<number, { readonly file: KnownFile; readonly freshUntilMs: number }>();
  /** None follow `#to`. */
  #atEnd = false;
  /** One of them was opened. */
  #wasRight = false;

  constructor(
    private readonly catalog: Pick<CatalogReader, "filesAfter">,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /**
   * What is known of a version that is opened, if it was guessed, once. The catalog said so up to
   * OPEN_AHEAD_FRESH_MS ago: whoever opens the file by it looks whether it is that version.
   */
  take(version: number): KnownFile | undefined {
    const guessed = this.#files.get(version);
    if (guessed === undefined) return undefined;
    this.#files.delete(version);
    this.#wasRight = true;
    return this.nowMs() <= guessed.freshUntilMs ? guessed.file : undefined;
  }

  /**
   * Opening `file` waits for the disk. Answers up to OPEN_AHEAD_FILES files that follow it in the order
   * of listings, if they seem to be wanted next and were not answered before.
   */
  waited({ parent, entry }: KnownFile): readonly KnownFile[] {
    const isGuess = parent === this.#directory || this.#wasRight;
    if (parent === this.#directory && this.#from < entry && entry <= this.#to) return NONE;
    this.#files.clear();
    this.#directory = parent;
    this.#from = isGuess ? entry : 0;
    this.#to = this.#from;
    this.#atEnd = false;
    this.#wasRight = false;
    return isGuess ? this.#fill() : NONE;
  }

  /** The files to fetch next, once half of those answered before were opened. */
  following(): readonly KnownFile[] {
    return this.#atEnd || this.#files.size > OPEN_AHEAD_FILES / 2 ? NONE : this.#fill();
  }

  #fill(): readonly KnownFile[] {
    const room = OPEN_AHEAD_FILES - this.#files.size;
    try {
      const files = this.catalog.filesAfter(this.#directory, this.#to, room);
      const freshUntilMs = this.nowMs() + OPEN_AHEAD_FRESH_MS;
      for (const file of files) {
        this.#files.set(file.version, { file, freshUntilMs });
        this.#to = file.entry;
      }
      this.#atEnd = files.length < room;
      return files;
    } catch (error) {
      // A guess is not worth a failed open: what ails the catalog shows where it is needed.
      if (!(error instanceof MusicFsError)) throw error;
      return NONE;
    }
  }
}
