/** The kernel's pages, which belong to a nodeid, and not to a handle. */

import type { FileHandle } from "./file_handle.ts";

export const PAGE_BYTES = 4096;

export interface Page {
  readonly bytes: Uint8Array;
  /** The handle that brought them, when they are of a replica that is not proved to be the node's. */
  readonly unprovedBy: FileHandle | undefined;
}

export class PageCache {
  readonly #pages = new Map<number, Map<number, Page>>();

  page(nodeid: number, number: number): Page | undefined {
    return this.#pages.get(nodeid)?.get(number);
  }

  /** Keeps what was read from the page `first` on; the last one may be short. */
  fill(nodeid: number, first: number, bytes: Uint8Array, unprovedBy: FileHandle | undefined): void {
    const pages = this.#pages.get(nodeid) ?? new Map<number, Page>();
    this.#pages.set(nodeid, pages);
    const count = Math.max(1, Math.ceil(bytes.byteLength / PAGE_BYTES));
    for (let at = 0; at < count; at++) {
      const page = bytes.slice(at * PAGE_BYTES, (at + 1) * PAGE_BYTES);
      pages.set(first + at, { bytes: page, unprovedBy });
    }
  }

  drop(nodeid: number): void {
    this.#pages.delete(nodeid);
  }

  /** The handles that brought pages of replicas that are not proved. */
  unprovedBy(): ReadonlySet<FileHandle> {
    const handles = new Set<FileHandle>();
    for (const pages of this.#pages.values()) {
      for (const { unprovedBy } of pages.values()) if (unprovedBy) handles.add(unprovedBy);
    }
    return handles;
  }
}
