/** Memory for replies under way, reused: a mount reads gigabytes through a few of these. */

import { REPLY_BYTES } from "../fuse/session.ts";
import { Memory } from "../sys/memory.ts";

/** Buffers kept for reuse; more are made when more reads are under way, and dropped after. */
const KEPT = 16;

export class ReplyBuffers {
  readonly #free: Memory[] = [];

  take(): Memory {
    return this.#free.pop() ?? new Memory(REPLY_BYTES);
  }

  /** Only for a buffer that nothing writes to any more. */
  give(buffer: Memory): void {
    if (this.#free.length < KEPT) this.#free.push(buffer);
  }
}
