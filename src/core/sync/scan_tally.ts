/** What a scan has seen so far, and what it could not. */

import { type BytePath, displayPath } from "../bytes.ts";
import type { KnownListing } from "../catalog/catalog.ts";
import type { DirEntry } from "../origins/origin.ts";

export interface ScanProgress {
  /** Directories listed, and known but not listed yet. */
  readonly directories: number;
  readonly pending: number;
  readonly files: number;
  readonly bytes: number;
  /** Files that the origin had when the scan began; 0 for the first one. */
  readonly knownFiles: number;
}

/** A directory that could not be listed, or what was left out: a loop, a name that cannot be shown. */
export interface ScanProblem {
  readonly path: BytePath;
  readonly reason: string;
}

const MAX_PROBLEMS = 100;

export class ScanTally {
  /** The first of them. */
  readonly problems: ScanProblem[] = [];
  problemCount = 0;
  /** Directories whose contents could not be told. */
  failures = 0;
  #directories = 0;
  /** Directories that were found and are not done with. */
  #open = 1;
  #files = 0;
  #bytes = 0;

  constructor(
    readonly knownFiles: number,
    readonly onProgress: ((progress: ScanProgress) => void) | undefined,
  ) {}

  /** Entries of a page. */
  see(entries: readonly DirEntry[]): void {
    for (const entry of entries) {
      if (entry.kind === "file") {
        this.#files++;
        this.#bytes += entry.sizeBytes;
      } else this.#open++;
    }
    this.#tell();
  }

  /** A directory that is as it was, and done with. */
  seeKnown({ files, bytes, directories }: KnownListing): void {
    this.#files += files;
    this.#bytes += bytes;
    this.#open += directories.length;
    this.close(true);
  }

  /** A directory is done with. */
  close(isListed: boolean): void {
    this.#open--;
    if (isListed) this.#directories++;
    this.#tell();
  }

  report(path: BytePath, reason: string): void {
    this.problemCount++;
    if (this.problems.length >= MAX_PROBLEMS) return;
    this.problems.push({ path, reason: `${displayPath(path)}: ${reason}` });
  }

  #tell(): void {
    this.onProgress?.({
      directories: this.#directories,
      pending: this.#open,
      files: this.#files,
      bytes: this.#bytes,
      knownFiles: this.knownFiles,
    });
  }
}
