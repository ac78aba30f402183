/**
 * A lock between processes: flock(2), which the kernel releases when its holder ends, however it
 * ends. A lock file with a process id would outlive a killed process, and ids are reused.
 */

import { closeSync, openSync } from "node:fs";
import { messageOf, OwnError } from "../errors.ts";
import { LOCK_EX, LOCK_NB } from "../sys/arch.ts";
import { EAGAIN, errnoName } from "../sys/errno.ts";
import { libc } from "../sys/libc.ts";

export class ProcessLock implements Disposable {
  #fd: number | undefined;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * The lock of that file, which is made if needed and never removed; undefined while anyone, here
   * or in another process, holds it. Throws OwnError `catalog` when it cannot be taken at all.
   */
  static tryAcquire(file: string): ProcessLock | undefined {
    let fd: number;
    try {
      fd = openSync(file, "a", 0o600);
    } catch (error) {
      throw new OwnError("catalog", `cannot open ${file}: ${messageOf(error)}`, { cause: error });
    }
    const result = libc().flock(fd, LOCK_EX | LOCK_NB);
    if (result >= 0) return new ProcessLock(fd);
    closeSync(fd);
    if (result === -EAGAIN) return undefined;
    throw new OwnError("catalog", `cannot lock ${file}: ${errnoName(result)}`);
  }

  /** Releases the lock; twice does nothing. */
  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
