/**
 * An origin listed directory by directory, several at once. What one of them cannot tell does not
 * stop the others, what the origin as a whole cannot does.
 */

import { type BytePath, joinPath, ROOT_PATH } from "../bytes.ts";
import { MusicFsError, OwnError } from "../errors.ts";
import { SCAN_PARALLEL_DIRECTORIES } from "../limits.ts";
import type { DirEntry, FileStat, Origin } from "../origins/origin.ts";
import {
  type Lineage,
  type ListingPorts,
  listDirectory,
  type ShownPage,
} from "./directory_listing.ts";
import type { Exclusion } from "./exclusion.ts";
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
  readonly #running = new Set<Promise<void>>();

  constructor(
    readonly origin: Origin,
    readonly ports: ListingPorts,
    readonly exclusion: Exclusion,
    readonly tally: ScanTally,
  ) {}

  /** Resolves when every directory below the root was listed or failed by itself. */
  async run(rootStat: FileStat, signal: AbortSignal | undefined): Promise<void> {
    const abort = new AbortController();
    const stop = () => abort.abort(signal?.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    const lineage = { identity: rootStat.identity, outer: undefined };
    this.#pending.push({ path: ROOT_PATH, stat: rootStat, lineage });
    try {
      while (this.#pending.length > 0 || this.#running.size > 0) {
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
      if (next === undefined) return;
      const listing = this.#list(next, signal).finally(() => this.#running.delete(listing));
      this.#running.add(listing);
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
    this.#pending.push(...found);
    this.tally.close(isListed);
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
