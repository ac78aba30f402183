/** Fetching whole files into the cache, because somebody wants them there. */

import { type BytePath, displayPath } from "../bytes.ts";
import { messageOf, OwnError } from "../errors.ts";
import type { FetchFile } from "../federation/file.ts";
import { BLOCK_BYTES, CACHE_FETCHES, FETCH_BYTES } from "../limits.ts";
import type { BlockCache, CacheableFile, CachedFile } from "./block_cache.ts";
import { blockCount, blockLength } from "./blocks.ts";

export interface FetchFilesPorts {
  readonly cache: BlockCache;
  readonly fetch: FetchFile;
  /** Bytes that are there now, of all files; told as they come. */
  readonly onProgress: (doneBytes: number) => void;
  readonly signal: AbortSignal;
}

export interface FetchedFiles {
  readonly files: number;
  /** Bytes of the files, and those of them that came from an origin now. */
  readonly bytes: number;
  readonly fetchedBytes: number;
  readonly failed: readonly FailedFile[];
}

export interface FailedFile {
  readonly path: BytePath;
  readonly reason: string;
}

/** A stretch that is missing, at most FETCH_BYTES. */
interface Piece {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** Fetches what is missing of the files; what fails concerns one file. Rejects with `cancelled`. */
export async function fetchFiles(
  files: Iterable<CacheableFile>,
  ports: FetchFilesPorts,
): Promise<FetchedFiles> {
  const failed: FailedFile[] = [];
  let count = 0;
  let bytes = 0;
  let fetchedBytes = 0;
  for (const file of files) {
    count++;
    const before = bytes;
    try {
      const fetched = await fetchFile(file, ports, (done) => ports.onProgress(before + done));
      fetchedBytes += fetched;
    } catch (error) {
      if (ports.signal.aborted) throw new OwnError("cancelled", "cancelled", { cause: error });
      failed.push({ path: file.path, reason: messageOf(error) });
    }
    bytes += file.sizeBytes;
    ports.onProgress(bytes);
  }
  return { files: count, bytes, fetchedBytes, failed };
}

/**
 * Fetches what is missing of one file. Resolves to the bytes that came from an origin, once all of
 * the file is on disk; rejects with OwnError `cache` or as `FetchFile`.
 */
export async function fetchFile(
  file: CacheableFile,
  ports: Omit<FetchFilesPorts, "onProgress">,
  onProgress: (doneBytes: number) => void,
): Promise<number> {
  using cached = ports.cache.open(file);
  const pieces = missingPieces(file.sizeBytes, cached);
  const missing = pieces.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  let fetched = 0;
  const take = async () => {
    for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
      await fetchPiece(file, piece, cached, ports);
      fetched += piece.lengthBytes;
      onProgress(file.sizeBytes - missing + fetched);
    }
  };
  const takers = Array.from({ length: CACHE_FETCHES }, () =>
    take().catch((error: unknown) => {
      pieces.length = 0;
      throw error;
    }),
  );
  // None of them may go on once the file is closed.
  const ends = await Promise.allSettled(takers);
  const failure = ends.find((end) => end.status === "rejected");
  if (failure !== undefined) throw failure.reason;
  await cached.settled();
  requireComplete(ports.cache, cached);
  return fetched;
}

async function fetchPiece(
  file: CacheableFile,
  { offsetBytes, lengthBytes }: Piece,
  cached: CachedFile,
  { cache, fetch, signal }: Omit<FetchFilesPorts, "onProgress">,
): Promise<void> {
  await cache.room();
  const bytes = new Uint8Array(lengthBytes);
  const { path, version, sizeBytes } = file;
  const federated = { path, version, sizeBytes, replicas: () => file.replicas(), seams: () => [] };
  const outcome = await fetch(federated, offsetBytes, bytes, { signal, background: true }).catch(
    (error: unknown) => {
      if (signal.aborted) throw error;
      // With all that is done for a reader: failover, delays, and word of it.
      return fetch(federated, offsetBytes, bytes, { signal });
    },
  );
  if (outcome.bytesRead < lengthBytes) {
    throw new OwnError("cache", `origin ${outcome.origin} has less of it than it should`);
  }
  if (cached.keep(offsetBytes, bytes, outcome)) return;
  throw new OwnError("cache", outcome.proved ? whyNotKept(cache) : NOT_PROVED);
}

/** Throws OwnError `cache` unless every block is on disk. */
export function requireComplete(cache: BlockCache, cached: CachedFile): void {
  if (!cached.isComplete) throw new OwnError("cache", whyNotKept(cache));
}

const NOT_PROVED = "only a replica that is not proved equal can be reached";

function whyNotKept({ state }: BlockCache): string {
  return state.status === "ok"
    ? "it was not kept: its origins have cache = false, or there is no room"
    : state.reason;
}

function missingPieces(sizeBytes: number, cached: CachedFile): Piece[] {
  const pieces: Piece[] = [];
  const count = blockCount(sizeBytes);
  for (let first = 0; first < count; first++) {
    if (cached.has(first)) continue;
    let lengthBytes = 0;
    const offsetBytes = first * BLOCK_BYTES;
    while (first < count && lengthBytes < FETCH_BYTES && !cached.has(first)) {
      lengthBytes += blockLength(first, sizeBytes);
      first++;
    }
    first--;
    pieces.push({ offsetBytes, lengthBytes });
  }
  return pieces;
}

/** For messages. */
export function failureText({ path, reason }: FailedFile): string {
  return `${displayPath(path)}: ${reason}`;
}
