/**
 * A complete walk of one origin into the catalog (S-2). Directories are listed several at once;
 * what one of them cannot tell does not stop the others, what the origin as a whole cannot does.
 * One scan of an origin runs at a time on a machine (`scan_lock.ts`).
 */

import { type BytePath, displayPath, joinPath, ROOT_PATH } from "../bytes.ts";
import type { CatalogChanges, CatalogWriter, ScanReport } from "../catalog/catalog.ts";
import type { Clock } from "../clock.ts";
import { MusicFsError, messageOf, OwnError } from "../errors.ts";
import type { EventBus } from "../events.ts";
import { SCAN_PARALLEL_DIRECTORIES } from "../limits.ts";
import type { DirEntry, FileStat, Origin } from "../origins/origin.ts";
import {
  type Lineage,
  type ListingPorts,
  listDirectory,
  type ShownPage,
} from "./directory_listing.ts";
import type { Exclusion } from "./exclusion.ts";
import { ScanLock } from "./scan_lock.ts";

export interface ScanPorts extends ListingPorts {
  readonly clock: Clock;
  readonly catalog: CatalogWriter;
  readonly events: EventBus;
  /** Where the locks are, usually the cache directory. */
  readonly lockDirectory: string;
}

export interface ScanOptions {
  readonly exclusion: Exclusion;
  /** Removals are carried out that would be held back otherwise. Default false. */
  readonly allowEmpty?: boolean;
  /**
   * A scan of the origin that runs already is waited for, and what it found is the answer, unless
   * `allowEmpty` asks for more than it did. Default false: it makes this one fail as `busy`.
   */
  readonly wait?: boolean;
  /** Told after every page, with the sums so far. */
  readonly onProgress?: (progress: ScanProgress) => void;
}

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

export interface ScanResult extends ScanReport {
  /** The first of them. */
  readonly problems: readonly ScanProblem[];
  readonly problemCount: number;
}

const MAX_PROBLEMS = 100;

/** The one who scanned has told of them. */
const NO_CHANGES: CatalogChanges = { names: [], directories: [], events: [] };

/**
 * Scans the origin. Rejects with OwnError `busy` while another scan of it runs, with `cancelled`
 * when the signal aborts, and with the origin's or catalog's error that ended it; then nothing was
 * removed. Problems with single directories make it `partial`.
 */
export async function scan(
  origin: Origin,
  ports: ScanPorts,
  options: ScanOptions,
  signal?: AbortSignal,
): Promise<ScanResult> {
  const { events, clock } = ports;
  const { wait = false, allowEmpty = false } = options;
  const finished = { type: "scan_finished", origin: origin.id } as const;
  try {
    const wish = { clock, wait, signal };
    using lock = await ScanLock.acquire<ScanResult>(ports.lockDirectory, origin.id, wish);
    const found = lock.waited && !allowEmpty ? lock.foundBefore() : undefined;
    if (found !== undefined) return found;
    lock.begin();
    events.emit({ type: "scan_started", origin: origin.id });
    const result = await walked(origin, ports, options, signal);
    const { outcome, reason = result.problems[0]?.reason } = result;
    lock.end({ ...result, changes: NO_CHANGES });
    events.emit({ ...finished, outcome, ...(reason === undefined ? {} : { reason }) });
    return result;
  } catch (error) {
    const isOthers = error instanceof MusicFsError && error.code === "busy";
    const outcome = signal?.aborted ? "cancelled" : "failed";
    if (!isOthers) events.emit({ ...finished, outcome, reason: messageOf(error) });
    throw error;
  }
}

async function walked(
  origin: Origin,
  { catalog, ...ports }: ScanPorts,
  options: ScanOptions,
  signal: AbortSignal | undefined,
): Promise<ScanResult> {
  try {
    const { knownFiles } = await catalog.beginScan(origin.id);
    const walk = new Walk(origin, { catalog, ...ports }, options, knownFiles);
    await walk.run(signal);
    const { problems, problemCount } = walk;
    const complete = walk.failures === 0;
    const report = await catalog.finishScan(origin.id, {
      complete,
      allowEmpty: options.allowEmpty ?? false,
    });
    ports.onChanges(report.changes);
    return { ...report, problems, problemCount };
  } catch (error) {
    await catalog.abandonScan(origin.id);
    throw error;
  }
}

/** A directory that is still to be listed. */
interface Pending {
  readonly path: BytePath;
  readonly stat: FileStat;
  readonly lineage: Lineage;
}

class Walk {
  readonly problems: ScanProblem[] = [];
  problemCount = 0;
  /** Directories whose contents could not be told. */
  failures = 0;
  /** Taken from the end, so that the number of directories that wait stays small. */
  readonly #pending: Pending[] = [];
  readonly #running = new Set<Promise<void>>();
  #directories = 0;
  /** Directories that were found and are not done with. */
  #open = 1;
  #files = 0;
  #bytes = 0;

  constructor(
    readonly origin: Origin,
    readonly ports: ScanPorts,
    readonly options: ScanOptions,
    readonly knownFiles: number,
  ) {}

  /** Resolves when every directory was listed or failed by itself. */
  async run(signal: AbortSignal | undefined): Promise<void> {
    const abort = new AbortController();
    const stop = () => abort.abort(signal?.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    using _skipped = this.ports.events.subscribe((event) => {
      if (event.type !== "name_skipped" || event.origin !== this.origin.id) return;
      this.#report(event.path, event.reason);
    });
    try {
      const stat = await this.origin.stat(ROOT_PATH, abort.signal);
      this.#pending.push({
        path: ROOT_PATH,
        stat,
        lineage: { identity: stat.identity, outer: undefined },
      });
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
    const onPage = (page: ShownPage) => this.#see(path, lineage, page, found);
    try {
      const { origin, options, ports } = this;
      await listDirectory(origin, directory, options.exclusion, ports, onPage, signal);
      this.#directories++;
    } catch (error) {
      this.#fail(path, error);
    }
    for (const each of found) this.#pending.push(each);
    this.#open += found.length - 1;
    this.#progress();
  }

  #see(directory: BytePath, lineage: Lineage, page: ShownPage, found: Pending[]): void {
    for (const path of page.loops) this.#report(path, "is one of the directories around it");
    for (const entry of page.entries) {
      if (entry.kind === "file") {
        this.#files++;
        this.#bytes += entry.sizeBytes;
      } else found.push(below(directory, lineage, entry));
    }
    this.#progress();
  }

  /** Rethrows what concerns more than this directory. */
  #fail(path: BytePath, error: unknown): void {
    const own = error instanceof MusicFsError && error.scope === "object" && path !== ROOT_PATH;
    if (!own) throw error;
    // It went since its parent was listed; the next scan will not see it any more.
    if (error.code === "not_found") return;
    this.failures++;
    this.#report(path, error.message);
  }

  #report(path: BytePath, reason: string): void {
    this.problemCount++;
    if (this.problems.length >= MAX_PROBLEMS) return;
    this.problems.push({ path, reason: `${displayPath(path)}: ${reason}` });
  }

  #progress(): void {
    this.options.onProgress?.({
      directories: this.#directories,
      pending: this.#open,
      files: this.#files,
      bytes: this.#bytes,
      knownFiles: this.knownFiles,
    });
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
