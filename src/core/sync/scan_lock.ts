/**
 * One scan of an origin at a time on a machine: a lock in the cache directory sees to that. What the
 * scan found is left in the lock's file, so that who waited for it needs no scan of their own.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProcessLock } from "../catalog/process_lock.ts";
import { type Clock, sleep } from "../clock.ts";
import { OwnError } from "../errors.ts";
import type { OriginId } from "../origins/origin.ts";

/** Between two looks whether another process's scan has ended. */
const LOOK_MS = 200;

/** What the file holds is understood by programs of this layout only. */
const LAYOUT = 1;

export interface ScanLockWish {
  readonly clock: Clock;
  /** Waits for a scan that runs. False: it makes `acquire` reject with `busy`. */
  readonly wait: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** `Result` is plain data. */
export class ScanLock<Result extends object> implements Disposable {
  private constructor(
    readonly file: string,
    readonly lock: ProcessLock,
    /** Another scan held it when it was asked for. */
    readonly waited: boolean,
  ) {}

  /** Rejects with OwnError `busy`, with `cancelled` when the signal aborts, and with `catalog`. */
  static async acquire<Result extends object>(
    directory: string,
    origin: OriginId,
    { clock, wait, signal }: ScanLockWish,
  ): Promise<ScanLock<Result>> {
    const file = join(directory, `scan-${origin}.lock`);
    for (let waited = false; ; waited = true) {
      const lock = ProcessLock.tryAcquire(file);
      if (lock !== undefined) return new ScanLock(file, lock, waited);
      if (!wait) throw new OwnError("busy", `another scan of origin ${origin} is running`);
      await sleep(clock, LOOK_MS, signal);
    }
  }

  /** What the scan before found; undefined when it did not come to its end. */
  foundBefore(): Result | undefined {
    try {
      const kept: unknown = JSON.parse(readFileSync(this.file, "utf8"));
      if (typeof kept !== "object" || kept === null) return undefined;
      if (!("layout" in kept) || kept.layout !== LAYOUT || !("found" in kept)) return undefined;
      return kept.found as Result;
    } catch (error) {
      // Killed, an older program's, or unreadable: a scan of one's own tells what this cannot.
      void error;
      return undefined;
    }
  }

  /** A scan begins: what the one before found holds no more. */
  begin(): void {
    this.#write("");
  }

  /** The scan came to its end. */
  end(found: Result): void {
    this.#write(JSON.stringify({ layout: LAYOUT, found }));
  }

  [Symbol.dispose](): void {
    this.lock[Symbol.dispose]();
  }

  #write(text: string): void {
    try {
      writeFileSync(this.file, text);
    } catch (error) {
      // A full disk: whoever waits scans by itself.
      void error;
    }
  }
}
