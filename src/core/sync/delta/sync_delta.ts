/** Cached files brought to their new versions, several at a time. */

import type { BytePath } from "../../bytes.ts";
import type { CacheableFile } from "../../cache/block_cache.ts";
import { liesAtOrBelow } from "../../cache/pins.ts";
import { treeFile, treeFiles } from "../../cache/tree_files.ts";
import type { CatalogReader, Replica } from "../../catalog/catalog.ts";
import { messageOf, OwnError } from "../../errors.ts";
import { DELTA_FILES } from "../../limits.ts";
import type { OriginId } from "../../origins/origin.ts";
import {
  type DeltaMethod,
  type DeltaPorts,
  deltaFile,
  methodFor,
  movedFile,
} from "./delta_file.ts";

export interface SyncDeltaWish {
  /** Of the tree; all of it by default. */
  readonly paths: readonly BytePath[];
  /** Only files that one of these holds; any by default. */
  readonly origins: readonly OriginId[];
  /** Files of which nothing is cached, too. */
  readonly all: boolean;
  /** Say what would be done, and fetch nothing. */
  readonly dryRun: boolean;
}

export interface SyncDeltaPorts extends DeltaPorts {
  readonly catalog: CatalogReader;
  /** What is pinned is wanted as a whole. */
  readonly pins: ReadonlySet<BytePath>;
  /** Looks at what an origin holds of a file now and tells the catalog. Never rejects. */
  readonly refresh: (replica: Replica) => Promise<void>;
  /** Bytes of the chosen files that are done, and all of them. */
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

interface SyncPorts extends SyncDeltaPorts {
  /** Contents of this length whose path is none of the tree's: of files that were renamed, or removed. */
  readonly lost: (sizeBytes: number) => readonly number[];
}

/** A file of the tree, and whether all of it is wanted. */
interface Chosen {
  readonly file: CacheableFile;
  /** False: it was renamed perhaps; it is not fetched if it was not. */
  readonly isWanted: boolean;
}

/** One file that was, or is to be, brought to its new version. */
export interface SyncedFile {
  readonly path: BytePath;
  readonly sizeBytes: number;
  /** Undefined: it failed. */
  readonly method: DeltaMethod | undefined;
  /** From the origins; all that is known of it before is 0. */
  readonly fetchedBytes: number;
  readonly elapsedMs: number;
  /** Why it failed, or why a method with fewer bytes was not used. */
  readonly reason: string | undefined;
}

export interface SyncDeltaReport {
  /** Files that were looked at, and those of them that were up to date. */
  readonly checked: number;
  readonly current: number;
  readonly dryRun: boolean;
  readonly files: readonly SyncedFile[];
  readonly elapsedMs: number;
}

/**
 * Rejects with `usage` for a path that is not in the tree, and with `cancelled`; what fails
 * otherwise concerns one file.
 */
export async function syncDelta(
  wish: SyncDeltaWish,
  ports: SyncDeltaPorts,
): Promise<SyncDeltaReport> {
  const { clock } = ports;
  const startedMs = clock.monotonicMs();
  const lost = lostContents(ports);
  const chosen = chosenFiles(wish, { ...ports, lost });
  const totalBytes = chosen.reduce((sum, { file }) => sum + file.sizeBytes, 0);
  const files: SyncedFile[] = [];
  let current = 0;
  let doneBytes = 0;
  ports.onProgress(0, totalBytes);
  const waiting = chosen.values();
  const work = async () => {
    for (const each of waiting) {
      const synced = await syncFile(each, wish, { ...ports, lost });
      if (synced === undefined) current++;
      else files.push(synced);
      doneBytes += each.file.sizeBytes;
      ports.onProgress(doneBytes, totalBytes);
    }
  };
  await Promise.all(Array.from({ length: DELTA_FILES }, work));
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  const elapsedMs = clock.monotonicMs() - startedMs;
  return { checked: chosen.length, current, dryRun: wish.dryRun, files, elapsedMs };
}

/** See `SyncPorts.lost`. The index is read when it is first asked. */
export function lostContents({
  catalog,
  cache,
}: Pick<SyncDeltaPorts, "catalog" | "cache">): SyncPorts["lost"] {
  let contents: ReadonlyMap<number, readonly number[]> | undefined;
  return (sizeBytes) => {
    contents ??= cache.lost((path) => treeFile(catalog, path) !== undefined);
    return contents.get(sizeBytes) ?? [];
  };
}

/** Files at the paths that are cached, wanted, or renamed perhaps. */
function chosenFiles(wish: SyncDeltaWish, ports: SyncPorts): readonly Chosen[] {
  const { catalog, cache, pins, lost } = ports;
  const paths = wish.paths.length === 0 ? ["" as BytePath] : wish.paths;
  const chosen: Chosen[] = [];
  for (const file of treeFiles(catalog, paths)) {
    const isHeld = ({ origin }: Replica) => wish.origins.includes(origin);
    if (wish.origins.length > 0 && !file.replicas().some(isHeld)) continue;
    const isWanted = wish.all || liesAtOrBelow(file.path, pins) || cache.holding(file) !== "none";
    if (isWanted || lost(file.sizeBytes).length > 0) chosen.push({ file, isWanted });
  }
  return chosen;
}

/** Undefined: the cache has its newest version. */
async function syncFile(
  { file: known, isWanted }: Chosen,
  { dryRun }: SyncDeltaWish,
  ports: SyncPorts,
): Promise<SyncedFile | undefined> {
  const { clock, catalog, cache, signal } = ports;
  const startedMs = clock.monotonicMs();
  if (signal.aborted) throw new OwnError("cancelled", "cancelled", { cause: signal.reason });
  const proved = known.replicas().filter(({ match }) => match === "proved");
  await Promise.all(proved.map(ports.refresh));
  // Its version may be another one now, and it may be gone: what is gone is not synced.
  const file = treeFile(catalog, known.path);
  if (file === undefined || cache.holding(file) === "current") return undefined;
  const { path, sizeBytes } = file;
  const elapsedMs = () => clock.monotonicMs() - startedMs;
  const lost = cache.holding(file) === "none" ? ports.lost(sizeBytes) : [];
  try {
    if (!dryRun && (await movedFile(file, lost, ports))) {
      const moved = { method: "moved", fetchedBytes: 0, reason: undefined } as const;
      return { path, sizeBytes, ...moved, elapsedMs: elapsedMs() };
    }
    if (!isWanted) return undefined;
    if (dryRun) {
      const method = await methodFor(file, ports);
      return { path, sizeBytes, method, fetchedBytes: 0, elapsedMs: 0, reason: undefined };
    }
    const { method, fetchedBytes, reason } = await deltaFile(file, ports);
    return { path, sizeBytes, method, fetchedBytes, elapsedMs: elapsedMs(), reason };
  } catch (error) {
    if (signal.aborted) throw new OwnError("cancelled", "cancelled", { cause: error });
    const failed = { method: undefined, fetchedBytes: 0 };
    return { path, sizeBytes, ...failed, elapsedMs: elapsedMs(), reason: messageOf(error) };
  }
}
