/** What the kernel is to forget, and the messages that tell it. */

import { type ByteName, toBytes } from "../bytes.ts";
import { invalidateEntry, invalidateInode } from "../fuse/notify.ts";
import { ENOENT } from "../sys/errno.ts";
import type { Memory } from "../sys/memory.ts";

export interface Invalidation {
  readonly kind: "invalidate";
  /** `parent` is a nodeid. */
  readonly names: readonly { readonly parent: number; readonly name: ByteName }[];
  /** Nodeids whose attributes and cached contents are to be dropped. */
  readonly nodes: readonly number[];
}

/**
 * Encodes each message into `memory` (NOTIFY_BYTES) and has `write` send it. Answers 0, or the first
 * unexpected errno (negative), after which nothing more is sent.
 */
export function writeInvalidation(
  { names, nodes }: Invalidation,
  expireOnly: boolean,
  memory: Memory,
  write: (lengthBytes: number) => number,
): number {
  // Directories first: whoever lists one again after a name's change sees it.
  for (const nodeid of nodes) {
    const failed = failureOf(write(invalidateInode(memory, nodeid, 0, 0)));
    if (failed !== 0) return failed;
  }
  for (const { parent, name } of names) {
    const failed = failureOf(write(invalidateEntry(memory, parent, toBytes(name), expireOnly)));
    if (failed !== 0) return failed;
  }
  return 0;
}

/** ENOENT says that the kernel knew nothing of it. */
function failureOf(written: number): number {
  return written > 0 || written === -ENOENT ? 0 : written;
}
