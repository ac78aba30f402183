/** An origin that lists everything in one go (`Origin.listTree`): as many requests as it takes pages. */

import { type BytePath, displayPath, joinPath, parentPath, ROOT_PATH } from "../bytes.ts";
import { OriginError } from "../errors.ts";
import { MAX_DIRECTORY_ENTRIES } from "../limits.ts";
import { throwIfAborted } from "../origins/abort.ts";
import type { DirEntry, FileStat, Origin, TreePage } from "../origins/origin.ts";
import { type ListingPorts, nextListing } from "./directory_listing.ts";
import type { Exclusion } from "./exclusion.ts";
import type { ScanTally } from "./scan_tally.ts";

export class TreeWalk {
  readonly #listing = nextListing();
  /** Entries of the directories that are not complete. */
  readonly #counts = new Map<BytePath, number>();
  /** Directories that are left out, and not complete. */
  readonly #left = new Set<BytePath>();

  constructor(
    readonly origin: Origin,
    readonly ports: ListingPorts,
    readonly exclusion: Exclusion,
    readonly tally: ScanTally,
  ) {}

  /** False: the origin cannot be listed in one go after all. Rejects as the origin and the catalog. */
  async run(rootStat: FileStat, signal: AbortSignal | undefined): Promise<boolean> {
    const steps = this.origin.listTree?.(signal);
    if (steps === undefined) return false;
    let complete = false;
    for await (const pages of steps) {
      throwIfAborted(signal);
      for (const page of pages) {
        if (this.#isLeftOut(page)) continue;
        await this.#take(page, rootStat);
        if (page.directory === ROOT_PATH && page.last) complete = true;
      }
      // Not before: a directory's last page may come before those of the ones in it.
      for (const { directory, last } of pages) if (last) this.#left.delete(directory);
    }
    return complete;
  }

  async #take({ directory, first, last, entries }: TreePage, rootStat: FileStat): Promise<void> {
    this.#count(directory, entries.length, last);
    const shown = entries.filter((entry) => this.#shows(directory, entry));
    this.tally.see(shown);
    const page = { origin: this.origin.id, directory, entries: shown, first, last };
    // What its parent showed of it holds for every other directory.
    const stat = first && directory === ROOT_PATH ? { stat: rootStat } : {};
    const listing = this.#listing;
    this.ports.onChanges(await this.ports.catalog.applyListing({ ...page, ...stat, listing }));
    if (last) this.tally.close(true);
  }

  #shows(directory: BytePath, { name, kind }: DirEntry): boolean {
    const path = joinPath(directory, name);
    if (!this.exclusion.excludes(name, path)) return true;
    if (kind === "directory") this.#left.add(path);
    return false;
  }

  #isLeftOut({ directory }: TreePage): boolean {
    if (directory === ROOT_PATH) return false;
    if (this.#left.has(parentPath(directory))) this.#left.add(directory);
    return this.#left.has(directory);
  }

  #count(directory: BytePath, entries: number, last: boolean): void {
    const count = (this.#counts.get(directory) ?? 0) + entries;
    if (count > MAX_DIRECTORY_ENTRIES) {
      const message = `lists more than ${MAX_DIRECTORY_ENTRIES} entries`;
      throw new OriginError("io", this.origin.id, displayPath(directory), message);
    }
    if (last) this.#counts.delete(directory);
    else this.#counts.set(directory, count);
  }
}
