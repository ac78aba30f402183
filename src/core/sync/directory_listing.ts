/**
 * One directory of an origin listed into the catalog, page by page: the one way in which listings
 * get there, for scans and for directories listed on demand. The next page is read when the catalog
 * has taken the one before.
 */

import { type BytePath, displayPath, joinPath, parentPath, ROOT_PATH } from "../bytes.ts";
import type { CatalogChanges, CatalogWriter, ListingPage } from "../catalog/catalog.ts";
import { OriginError } from "../errors.ts";
import { MAX_DEPTH, MAX_DIRECTORY_ENTRIES } from "../limits.ts";
import { throwIfAborted } from "../origins/abort.ts";
import type { DirEntry, FileStat, ListingMemo, Origin } from "../origins/origin.ts";
import type { Exclusion } from "./exclusion.ts";

export interface ListingPorts {
  readonly catalog: Pick<CatalogWriter, "applyListing">;
  /** Takes each change as it is committed: the kernel must forget and listeners must hear. */
  readonly onChanges: (changes: CatalogChanges) => void;
}

/** Identities of the directories from one up to the root, innermost first. */
export interface Lineage {
  readonly identity: string | undefined;
  readonly outer: Lineage | undefined;
}

export interface ListedDirectory {
  readonly path: BytePath;
  /** Attributes of the directory itself. */
  readonly stat: FileStat;
  /** Of the directory and those around it; asked for when a page shows directories. */
  readonly lineage: () => Promise<Lineage>;
}

/** What a page shows after exclusion, and the directories left out because they are loops. */
export interface ShownPage {
  readonly entries: readonly DirEntry[];
  readonly loops: readonly BytePath[];
}

let lastListing = 0;

/** Tells listings of one directory apart that run at once. */
export function nextListing(): number {
  return ++lastListing;
}

/**
 * Rejects with what the origin or the catalog rejects with; the directory's recorded contents are
 * kept then, and what was listed before the failure is in the catalog.
 */
export async function listDirectory(
  origin: Origin,
  directory: ListedDirectory,
  exclusion: Exclusion,
  ports: ListingPorts,
  onPage: (page: ShownPage) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { path } = directory;
  const memo: ListingMemo = { device: undefined, mark: undefined };
  const listing = nextListing();
  const send = async (
    entries: readonly DirEntry[],
    first: boolean,
    last: boolean,
    mark?: string,
  ) => {
    const page = { origin: origin.id, directory: path, entries, first, last, listing, mark };
    const request: ListingPage = first ? { ...page, stat: await statOfListed() } : page;
    ports.onChanges(await ports.catalog.applyListing(request));
  };
  // Something was mounted or unmounted there since it was looked at.
  const statOfListed = async () => {
    const { device } = memo;
    if (device === undefined || device === directory.stat.device) return directory.stat;
    const now = await origin.stat(path, signal);
    if (now.device === device) return now;
    const message = "another file system was mounted there while it was listed";
    throw new OriginError("not_found", origin.id, displayPath(path), message);
  };
  let waiting: readonly DirEntry[] | undefined;
  let first = true;
  let count = 0;
  let hasLoops = false;
  for await (const page of origin.list(path, signal, memo)) {
    throwIfAborted(signal);
    count += page.length;
    if (count > MAX_DIRECTORY_ENTRIES) throw tooLarge(origin, path);
    if (waiting !== undefined) {
      await send(waiting, first, false);
      first = false;
    }
    const shown = await showPage(origin, directory, exclusion, page);
    onPage(shown);
    hasLoops ||= shown.loops.length > 0;
    waiting = shown.entries;
  }
  // A loop is told of by every scan.
  const mark = hasLoops ? undefined : memo.mark && shownMark(memo.mark, exclusion);
  await send(waiting ?? [], first, true, mark);
}

/** Of what is made of a listing: what is left out of it does not show in the origin's mark. */
export function shownMark(mark: string, exclusion: Exclusion): string {
  return `${mark}${exclusion.key}`;
}

/**
 * Lists one directory because somebody asks for it; `path` is on the origin. One that is gone has
 * its parent listed, so that the catalog learns of it; then it rejects with `not_found`.
 */
export async function listOnDemand(
  origin: Origin,
  path: BytePath,
  exclusion: Exclusion,
  ports: ListingPorts,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await listOne(origin, path, exclusion, ports, signal);
  } catch (error) {
    const gone = error instanceof OriginError && error.code === "not_found" && path !== ROOT_PATH;
    if (gone) await listOnDemand(origin, parentPath(path), exclusion, ports, signal);
    throw error;
  }
}

async function listOne(
  origin: Origin,
  path: BytePath,
  exclusion: Exclusion,
  ports: ListingPorts,
  signal?: AbortSignal,
): Promise<void> {
  const stat = await origin.stat(path, signal);
  let lineage: Promise<Lineage> | undefined;
  const directory: ListedDirectory = {
    path,
    stat,
    lineage: () => {
      lineage ??= lineageOf(origin, path, stat, signal);
      return lineage;
    },
  };
  await listDirectory(origin, directory, exclusion, ports, () => undefined, signal);
}

/** Looks at every directory around `path`, all at once. */
async function lineageOf(
  origin: Origin,
  path: BytePath,
  stat: FileStat,
  signal?: AbortSignal,
): Promise<Lineage> {
  const around: BytePath[] = [];
  for (let at = path; at !== ROOT_PATH; ) {
    at = parentPath(at);
    around.unshift(at);
  }
  const stats = await Promise.all(around.map((outer) => origin.stat(outer, signal)));
  let lineage: Lineage | undefined;
  for (const { identity } of [...stats, stat]) lineage = { identity, outer: lineage };
  return lineage ?? { identity: stat.identity, outer: undefined };
}

async function showPage(
  origin: Origin,
  directory: ListedDirectory,
  exclusion: Exclusion,
  page: readonly DirEntry[],
): Promise<ShownPage> {
  const entries: DirEntry[] = [];
  const loops: BytePath[] = [];
  for (const entry of page) {
    const path = joinPath(directory.path, entry.name);
    if (exclusion.excludes(entry.name, path)) continue;
    if (entry.identity !== undefined && (await isLoop(directory, entry.identity))) {
      loops.push(path);
    } else entries.push(entry);
  }
  const depth = directory.path === ROOT_PATH ? 0 : directory.path.split("/").length;
  if (depth < MAX_DEPTH) return { entries, loops };
  if (entries.some(({ kind }) => kind === "directory")) throw tooDeep(origin, directory.path);
  return { entries, loops };
}

async function isLoop(directory: ListedDirectory, identity: string): Promise<boolean> {
  const innermost = await directory.lineage();
  for (let at: Lineage | undefined = innermost; at !== undefined; at = at.outer) {
    if (at.identity === identity) return true;
  }
  return false;
}

function tooLarge(origin: Origin, path: BytePath): OriginError {
  const message = `lists more than ${MAX_DIRECTORY_ENTRIES} entries`;
  return new OriginError("io", origin.id, displayPath(path), message);
}

function tooDeep(origin: Origin, path: BytePath): OriginError {
  const message = `lies more than ${MAX_DEPTH} directories deep; what it holds is left out`;
  return new OriginError("io", origin.id, displayPath(path), message);
}
