/** How a local origin reaches its disk. */

import type { Origin } from "../origin.ts";
import type { Disk } from "./disk.ts";
import { serveDiskRequest } from "./protocol.ts";

export interface DiskClient {
  /**
   * Sends one request of the disk protocol and answers its result. Rejects with `OwnError`
   * `cancelled` when the signal aborts (the system call may go on; its result is dropped) and with
   * `DiskFailure` when the request did not come through.
   */
  call(request: Uint8Array, signal?: AbortSignal): Promise<Uint8Array>;

  /** As `Origin.watch`; absent where nothing tells of changes. */
  readonly watch?: Origin["watch"];

  /** Pending calls reject. Idempotent. */
  close(): Promise<void>;
}

/** Serves every call in this thread, which then waits for the disk: for guard processes and tests. */
export class InlineDisk implements DiskClient {
  constructor(readonly disk: Disk) {}

  async call(request: Uint8Array): Promise<Uint8Array> {
    return serveDiskRequest(this.disk, request);
  }

  async close(): Promise<void> {
    this.disk.release();
  }
}
