/** Replies from the main thread straight to the kernel. */

import type { Memory } from "../sys/memory.ts";

/** Writes a finished reply. A caller that is gone, or a mount that is, needs none: not an error. */
export type KernelReplies = (reply: Memory, lengthBytes: number) => void;
