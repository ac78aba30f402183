/**
 * An origin listed directory by directory, several at once; one of which the origin can tell that it
 * is as it was is not listed again. What one of them cannot tell does not stop the others, what the
 * origin as a whole cannot does.
 */

import { type BytePath, joinPath, ROOT_PATH } from "../bytes.ts";
import { MusicFsError, OwnError } from "../errors.ts";
import { MARKED_DIRECTORIES, SCAN_PARALLEL_DIRECTORIES } from "../limits.ts";
import type { DirEntry, FileStat, Origin } from "../origins/origin.ts";
import {
  type Lineage,
  type ListingPorts,
  listDirectory,
  type ShownPage,
} from "./directory_listing.ts";
import type { Exclusion } from "./exclusion.ts";
import type { KnownDirectories } from "./known_directories.ts";
import type { ScanTally } from "./scan_tally.ts";

/** A directory that is still to be listed. */
interface Pending {
  readonly path: BytePath;
  readonly stat: FileStat;
  readonly lineage: Lineage;
}

export class DirectoryWalk {
  /** Taken from the end, so that the number of directories that wait stays small. */
  readonly #pending: Pending[] = [];
  /** Directories that may be as they were; else they are pending, too. */
  readonly #unsure: Pending[] = [];
  readonly #running = new Set<Promise<void>>();

  constructor(
    readonly origin: Origin,
    readonly ports: ListingPorts,
    readonly exclusion: Exclusion,
    readonly tally: ScanTally,
    /** Tells which directories are as they were. Undefined: every directory is listed. */
    readonly known: KnownDirectories | undefined,
  ) {}

  /** Resolves when every directory below the root was listed or failed by itself. */
  async run(rootStat: FileStat, signal: AbortSignal | undefined): Promise<void> {
    const abort = new AbortController();
    const stop = () => abort.abort(signal?.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    const lineage = { identity: rootStat.identity, outer: undefined };
    this.#found([{ path: ROOT_PATH, stat: rootStat, lineage }]);
    try {
      while (this.#pending.length + this.#unsure.length + this.#running.size > 0) {
        if (abort.signal.aborted) throw cancelled(this.origin, signal);
        this.#start(abort.signal);
        await Promise.race(this.#running);
      }
    } finally {
      signal?.removeEventListener("abort", stop);
      abort.abort("the scan ended");
      await Promise.allSettled(this.#running);
    }
  }

  #start(signal: AbortSignal): void {
    while (this.#running.size < SCAN_PARALLEL_DIRECTORIES) {
      const next = this.#pending.pop();
      const work = next === undefined ? this.#look(signal) : this.#list(next, signal);
      if (work === undefined) return;
      const running = work.finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
  }

  async #list({ path, stat, lineage }: Pending, signal: AbortSignal): Promise<void> {
    const directory = { path, stat, lineage: () => Promise.resolve(lineage) };
    const found: Pending[] = [];
    const onPage = ({ entries, loops }: ShownPage) => {
      for (const loop of loops) this.tally.report(loop, "is one of the directories around it");
      for (const entry of entries) {
        if (entry.kind === "directory") found.push(below(path, lineage, entry));
      }
      this.tally.see(entries);
    };
    let isListed = false;
    try {
      await listDirectory(this.origin, directory, this.exclusion, this.ports, onPage, signal);
      isListed = true;
    } catch (error) {
      this.#fail(path, error);
    }
    this.#found(found);
    this.tally.close(isListed);
  }

  #found(directories: readonly Pending[]): void {
    const to = this.known === undefined ? this.#pending : this.#unsure;
    for (const each of directories) to.push(each);
  }

  /** Looks whether some directories are as they were: those are done with, the others are listed. */
  #look(signal: AbortSignal): Promise<void> | undefined {
    const batch = this.#unsure.splice(-MARKED_DIRECTORIES);
    if (this.known === undefined || batch.length === 0) return undefined;
    return this.known.among(batch, signal).then((known) => {
      batch.forEach((each, index) => {
        const listing = known[index];
        if (listing === undefined) this.#pending.push(each);
        else {
          this.#found(listing.directories.map((entry) => below(each.path, each.lineage, entry)));
          this.tally.seeKnown(listing);
        }
      });
    });
  }

  /** Rethrows what concerns more than this directory. */
  #fail(path: BytePath, error: unknown): void {
    const own = error instanceof MusicFsError && error.scope === "object" && path !== ROOT_PATH;
    if (!own) throw error;
    // It went since its parent was listed; the next scan will not see it any more.
    if (error.code === "not_found") return;
    this.tally.failures++;
    this.tally.report(path, error.message);
  }
}

function below(directory: BytePath, outer: Lineage, { name, ...stat }: DirEntry): Pending {
  const lineage = { identity: stat.identity, outer };
  return { path: joinPath(directory, name), stat, lineage };
}

function cancelled(origin: Origin, signal: AbortSignal | undefined): OwnError {
  return new OwnError("cancelled", `the scan of origin ${origin.id} was cancelled`, {
    cause: signal?.reason,
  });
}
