/**
 * Files left open between reads, for file systems where every open is a round trip (NFS, SMB,
 * FUSE). A descriptor is kept under its path *and* version, so that a read which names the version
 * gets its bytes even after the path leads elsewhere, and one that does not never meets it.
 */

import type { Syscalls } from "../../sys/libc.ts";

export class KeptFiles {
  /** In order of use, the latest last. */
  readonly #fds = new Map<string, number>();

  /** Keeps at most `limit` files; 0 keeps none. */
  constructor(
    readonly syscalls: Syscalls,
    readonly limit: number,
  ) {}

  /** Takes a descriptor out; the caller gives it back with `keep` or closes it. */
  take(key: string): number | undefined {
    const fd = this.#fds.get(key);
    this.#fds.delete(key);
    return fd;
  }

  /** Takes the descriptor over, and closes it, another of that key, or the least recently used. */
  keep(key: string, fd: number): void {
    const other = this.take(key);
    if (other !== undefined) this.syscalls.close(other);
    this.#fds.set(key, fd);
    for (const [oldest, oldestFd] of this.#fds) {
      if (this.#fds.size <= this.limit) break;
      this.#fds.delete(oldest);
      this.syscalls.close(oldestFd);
    }
  }

  closeAll(): void {
    for (const fd of this.#fds.values()) this.syscalls.close(fd);
    this.#fds.clear();
  }
}
