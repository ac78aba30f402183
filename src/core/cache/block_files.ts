/** Data files open for reading: a bounded number of descriptors, none closed while a read uses it. */

import { CACHE_OPEN_FILES } from "../limits.ts";
import type { BlockReads } from "./block_reads.ts";

interface OpenFile {
  readonly fd: Promise<number>;
  users: number;
  /** Closed by its last user. */
  isRetired: boolean;
}

export class BlockFiles {
  /** By path, the longest unused first. */
  readonly #open = new Map<string, OpenFile>();

  constructor(readonly reads: BlockReads) {}

  /** Runs `work` with a descriptor of the file; rejects as opening it or `work` does. */
  async use<T>(file: string, work: (fd: number) => Promise<T>): Promise<T> {
    const open = this.#open.get(file) ?? this.#opening(file);
    this.#open.delete(file);
    this.#open.set(file, open);
    open.users++;
    try {
      return await work(await open.fd);
    } finally {
      open.users--;
      if (open.isRetired) this.#close(open);
      else this.#trim();
    }
  }

  /** The file is no longer what is to be read, or not needed for now. */
  retire(file: string): void {
    const open = this.#open.get(file);
    if (open === undefined) return;
    this.#open.delete(file);
    open.isRetired = true;
    this.#close(open);
  }

  /** Retires all. */
  close(): void {
    for (const file of [...this.#open.keys()]) this.retire(file);
  }

  /** Descriptors, for leak checks. */
  get size(): number {
    return this.#open.size;
  }

  #opening(file: string): OpenFile {
    const fd = this.reads.open(file);
    // One that cannot be opened is tried again by its next use.
    fd.catch(() => this.#open.delete(file));
    return { fd, users: 0, isRetired: false };
  }

  #trim(): void {
    if (this.#open.size <= CACHE_OPEN_FILES) return;
    for (const [file, { users }] of this.#open) {
      if (users > 0) continue;
      this.retire(file);
      return;
    }
  }

  #close(open: OpenFile): void {
    if (open.users > 0) return;
    open.fd.then(
      (fd) => this.reads.close(fd),
      () => undefined,
    );
  }
}
