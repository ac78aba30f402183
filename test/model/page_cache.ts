/** The kernel's pages, which belong to a nodeid, and not to a handle. */

export const PAGE_BYTES = 4096;

export interface Page {
  readonly bytes: Uint8Array;
  /** Made of another replica's bytes, which are not proved to be the node's. */
  readonly unproved: boolean;
}

export class PageCache {
  readonly #pages = new Map<number, Map<number, Page>>();

  page(nodeid: number, number: number): Page | undefined {
    return this.#pages.get(nodeid)?.get(number);
  }

  /** Keeps what was read from the page `first` on; the last one may be short. */
  fill(nodeid: number, first: number, bytes: Uint8Array, unproved: boolean): void {
    const pages = this.#pages.get(nodeid) ?? new Map<number, Page>();
    this.#pages.set(nodeid, pages);
    const count = Math.max(1, Math.ceil(bytes.byteLength / PAGE_BYTES));
    for (let at = 0; at < count; at++) {
      const page = bytes.slice(at * PAGE_BYTES, (at + 1) * PAGE_BYTES);
      pages.set(first + at, { bytes: page, unproved });
    }
  }

  drop(nodeid: number): void {
    this.#pages.delete(nodeid);
  }

  hasUnproved(nodeid: number): boolean {
    return [...(this.#pages.get(nodeid)?.values() ?? [])].some(({ unproved }) => unproved);
  }
}
