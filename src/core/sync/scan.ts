/**
 * A complete walk of one origin into the catalog (S-2).
 * One scan of an origin runs at a time on a machine (`scan_lock.ts`).
 */

import { ROOT_PATH } from "../bytes.ts";
import type { CatalogChanges, CatalogWriter, ScanReport } from "../catalog/catalog.ts";
import type { Clock } from "../clock.ts";
import { MusicFsError, messageOf } from "../errors.ts";
import type { EventBus } from "../events.ts";
import type { Origin } from "../origins/origin.ts";
import type { ListingPorts } from "./directory_listing.ts";
import { DirectoryWalk } from "./directory_walk.ts";
import type { Exclusion } from "./exclusion.ts";
import { knownDirectories } from "./known_directories.ts";
import { ScanLock } from "./scan_lock.ts";
import { type ScanProblem, type ScanProgress, ScanTally } from "./scan_tally.ts";
import { TreeWalk } from "./tree_walk.ts";

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
  /** Lists every directory, also those that are known to be as they were. Default false. */
  readonly full?: boolean;
  /**
   * A scan of the origin that runs already is waited for, and what it found is the answer, unless
   * `allowEmpty` or `full` asks for more than it did. Default false: it makes this one fail as `busy`.
   */
  readonly wait?: boolean;
  /** Told after every page, with the sums so far. */
  readonly onProgress?: (progress: ScanProgress) => void;
}

export interface ScanResult extends ScanReport {
  /** The first of them. */
  readonly problems: readonly ScanProblem[];
  readonly problemCount: number;
}

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
  const { wait = false, allowEmpty = false, full = false } = options;
  const finished = { type: "scan_finished", origin: origin.id } as const;
  try {
    const wish = { clock, wait, signal };
    using lock = await ScanLock.acquire<ScanResult>(ports.lockDirectory, origin.id, wish);
    const found = lock.waited && !allowEmpty && !full ? lock.foundBefore() : undefined;
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
    const makeTally = () => new ScanTally(knownFiles, options.onProgress);
    const tally = await walkedOver(origin, { catalog, ...ports }, options, makeTally, signal);
    const { problems, problemCount } = tally;
    const complete = tally.failures === 0;
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

/** Everything in one go where the origin can do that, else directory by directory. */
async function walkedOver(
  origin: Origin,
  ports: Omit<ScanPorts, "lockDirectory">,
  { exclusion, full = false }: ScanOptions,
  makeTally: () => ScanTally,
  signal: AbortSignal | undefined,
): Promise<ScanTally> {
  let tally = makeTally();
  using _skipped = ports.events.subscribe((event) => {
    if (event.type !== "name_skipped" || event.origin !== origin.id) return;
    tally.report(event.path, event.reason);
  });
  const rootStat = await origin.stat(ROOT_PATH, signal);
  if (await new TreeWalk(origin, ports, exclusion, tally).run(rootStat, signal)) return tally;
  tally = makeTally();
  const known = full ? undefined : knownDirectories(origin, ports.catalog, exclusion);
  await new DirectoryWalk(origin, ports, exclusion, tally, known).run(rootStat, signal);
  return tally;
}
