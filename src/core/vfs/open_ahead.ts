/**
 * Guesses which files are opened next: a program that goes through a directory, such as a player's
 * scanner, waits for the disk at each of them. Two opens in a row that had to wait, in one directory,
 * are taken for such a program, and the directory's next files are to be fetched meanwhile.
 */

import type { CatalogReader, TreeNode } from "../catalog/catalog.ts";
import { emptyNode } from "../catalog/tree_node.ts";
import { MusicFsError } from "../errors.ts";
import { OPEN_AHEAD_FILES } from "../limits.ts";

const NONE: readonly Uint8Array[] = [];

export class OpenAhead {
  readonly #sibling = emptyNode();
  /** Where the last open that waited was. */
  #directory = 0;
  /** Entries of it after `#from`, and up to `#to`, are being fetched. */
  #from = 0;
  #to = 0;

  constructor(private readonly catalog: Pick<CatalogReader, "list">) {}

  /**
   * Opening the file `node` waits for the disk. Answers the names of up to OPEN_AHEAD_FILES files that
   * follow it in the order of listings, if they seem to be wanted next and were not answered before.
   */
  waited({ parent, entry }: TreeNode): readonly Uint8Array[] {
    if (parent !== this.#directory) {
      this.#directory = parent;
      this.#from = 0;
      this.#to = 0;
      return NONE;
    }
    if (this.#from < entry && entry <= this.#to) return NONE;
    const names: Uint8Array[] = [];
    this.#from = entry;
    this.#to = entry;
    try {
      this.catalog.list(parent, entry, this.#sibling, (name) => {
        this.#to = this.#sibling.entry;
        if (!this.#sibling.isDirectory) names.push(name);
        return names.length < OPEN_AHEAD_FILES;
      });
    } catch (error) {
      // A guess is not worth a failed open: what ails the catalog shows where it is needed.
      if (!(error instanceof MusicFsError)) throw error;
      return NONE;
    }
    return names;
  }
}
