/**
 * Directories listed on demand: what the kernel asks for before any scan came by, and what an open
 * found gone. However many ask for the same directory of an origin, it is listed once.
 */

import type { BytePath } from "../bytes.ts";
import type { CatalogReader } from "../catalog/catalog.ts";
import type { Clock } from "../clock.ts";
import { DIRECTORY_DEADLINE_MS } from "../limits.ts";
import type { OriginId } from "../origins/origin.ts";

/** Lists one directory of an origin into the catalog; rejects when that fails. */
export type ListDirectory = (
  origin: OriginId,
  directory: BytePath,
  signal: AbortSignal,
) => Promise<void>;

export interface ListingsPorts {
  readonly catalog: CatalogReader;
  readonly clock: Clock;
  readonly list: ListDirectory;
  /** False for an origin that need not be asked now: disabled or unhealthy. */
  readonly usable: (origin: OriginId) => boolean;
}

export class Listings {
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #waiting = new Set<() => void>();
  readonly #closing = new AbortController();

  constructor(readonly ports: ListingsPorts) {}

  /**
   * Has every usable origin of the directory asked that never was; resolves when all have answered
   * or DIRECTORY_DEADLINE_MS have passed. What is late still reaches the catalog.
   */
  async ensure(directory: number): Promise<void> {
    const missing = this.ports.catalog
      .unlisted(directory)
      .filter(({ origin }) => this.ports.usable(origin));
    if (missing.length === 0) return;
    await this.#withinDeadline(
      Promise.all(missing.map(({ origin, path }) => this.#list(origin, path))),
    );
  }

  /** Lists a directory of an origin again; true when that succeeded within the deadline. */
  async refresh(origin: OriginId, directory: BytePath): Promise<boolean> {
    return (await this.#withinDeadline(this.#list(origin, directory))) ?? false;
  }

  /** Gives up what runs; whoever waits for it goes on at once. */
  close(): void {
    this.#closing.abort("the mount ends");
    for (const stopWaiting of this.#waiting) stopWaiting();
  }

  /** Listings under way, for leak checks. */
  get size(): number {
    return this.#running.size;
  }

  #list(origin: OriginId, directory: BytePath): Promise<boolean> {
    const key = `${origin}/${directory}`;
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const listing = this.ports
      .list(origin, directory, this.#closing.signal)
      .then(
        () => true,
        // The origin's health and the scan tell of it; here it only means "nothing new".
        () => false,
      )
      .finally(() => this.#running.delete(key));
    this.#running.set(key, listing);
    return listing;
  }

  async #withinDeadline<T>(work: Promise<T>): Promise<T | undefined> {
    if (this.#closing.signal.aborted) return undefined;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const stopWaiting = () => resolve(undefined);
    this.#waiting.add(stopWaiting);
    using _timer = this.ports.clock.schedule(DIRECTORY_DEADLINE_MS, stopWaiting);
    try {
      return await Promise.race([work, promise]);
    } finally {
      this.#waiting.delete(stopWaiting);
    }
  }
}
