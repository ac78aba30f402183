/** Where a published index lies. */

export interface IndexSource {
  /** An object's bytes; rejects with OwnError `manifest` where it cannot be had. */
  get(name: string): Promise<Uint8Array>;
}

export interface StoredObject {
  /** As `index_page.ts` names it. */
  readonly name: string;
  readonly sizeBytes: number;
  /** When it was written, in seconds by the store's own clock. */
  readonly writtenSec: number;
  /** Tells it from others that had its name. */
  readonly token: string;
}

/** Everything here rejects with OwnError `manifest` where the store cannot be read or written. */
export interface IndexTarget extends IndexSource {
  /** Objects of an index that are there, and what was left of some that were never whole. */
  list(): Promise<readonly StoredObject[]>;

  /** Writes an object as a whole or not at all, in place of one of its name. */
  put(name: string, bytes: Uint8Array): Promise<void>;

  /**
   * Writes the head as a whole or not at all, in place of `former`, as `list` told of it (undefined:
   * there was none), and answers when that was, by the store's own clock. Rejects with OwnError `busy`
   * where the store can tell that somebody else replaced it meanwhile.
   */
  replaceHead(bytes: Uint8Array, former: StoredObject | undefined): Promise<number>;

  /** Also where it is not there. */
  remove(name: string): Promise<void>;
}
