/**
 * Who has read a third of a track listens to it, and will want the next one: that is fetched into
 * the cache, behind everything that somebody waits for. Bytes count and not places: a scanner that
 * looks at a file's end is no listener.
 *
 * A file that is no longer than a look is no track: it is here as soon as it is opened.
 *
 * A track that is read before it is all there is left to its reader, which reads ahead by itself.
 * What fails is let be: it is fetched, with all that is done for a reader, once it is read.
 */

import type { FederatedFile, FetchFile } from "../federation/file.ts";
import { PAGED_LOOK_BYTES, PREFETCH_TRACK_BYTES, PREFETCH_TRACKS } from "../limits.ts";
import type { OriginId } from "../origins/origin.ts";
import type { BlockCache, CacheableFile } from "./block_cache.ts";
import { fetchFile } from "./fetch_files.ts";

/** Told by the reader what is done with the files that are open. */
export interface Listening {
  /** Some bytes of the version were asked for. */
  readingFrom(version: number): void;
  /** A third of the file's bytes was read through one handle; told once. */
  listenedTo(file: FederatedFile): void;
}

export interface AlbumPrefetchPorts {
  readonly cache: BlockCache;
  readonly fetch: FetchFile;
  readonly isCached: (origin: OriginId) => boolean;
  /** The track after this version's. Throws where the catalog cannot be read. */
  readonly nextTrack: (version: number) => CacheableFile | undefined;
  /** The catalog cannot be read, or there is a bug. */
  readonly onFault: (error: unknown) => void;
}

export class AlbumPrefetch implements Listening {
  /** What is being fetched, by version. */
  readonly #fetching = new Map<number, AbortController>();

  constructor(private readonly ports: AlbumPrefetchPorts) {}

  readingFrom(version: number): void {
    this.#fetching.get(version)?.abort("it is read");
  }

  listenedTo(file: FederatedFile): void {
    // One glance reads all of a file that is no longer than a look, and a directory may hold thousands of them.
    if (file.sizeBytes <= PAGED_LOOK_BYTES || !this.#hasRoom) return;
    try {
      const next = this.ports.nextTrack(file.version);
      if (next !== undefined && this.#isWorthIt(next)) void this.#fetch(next);
    } catch (error) {
      this.ports.onFault(error);
    }
  }

  /** Whether something would be fetched for who listens to the version. Throws as `nextTrack`. */
  isListenedFor(version: number): boolean {
    const next = this.ports.nextTrack(version);
    if (next === undefined || !this.#isWorthIt(next)) return false;
    using cached = this.ports.cache.open(next);
    return !cached.isComplete;
  }

  /** Gives up what is being fetched. */
  close(): void {
    for (const abort of this.#fetching.values()) abort.abort("the mount ends");
  }

  /** Tracks being fetched. */
  get size(): number {
    return this.#fetching.size;
  }

  /** Whether any track could be fetched now. */
  get #hasRoom(): boolean {
    return this.ports.cache.state.status === "ok" && this.#fetching.size < PREFETCH_TRACKS;
  }

  #isWorthIt(track: CacheableFile): boolean {
    const { version, sizeBytes } = track;
    if (sizeBytes > PREFETCH_TRACK_BYTES || this.#fetching.has(version)) return false;
    return track.replicas().some(({ origin }) => this.ports.isCached(origin));
  }

  async #fetch(track: CacheableFile): Promise<void> {
    const { cache, fetch } = this.ports;
    const abort = new AbortController();
    this.#fetching.set(track.version, abort);
    const behindOthers: FetchFile = (file, offsetBytes, into, options) =>
      fetch(file, offsetBytes, into, { ...options, background: true });
    const ports = { cache, fetch: behindOthers, signal: abort.signal };
    await fetchFile(track, ports, () => undefined).catch(() => undefined);
    this.#fetching.delete(track.version);
  }
}
