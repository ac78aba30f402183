/**
 * The notifier thread: writes NOTIFY messages. INVAL_ENTRY waits for the directory's lock, which a
 * pending LOOKUP holds, so no request may ever depend on this thread.
 */

import { type ByteName, toBytes } from "../bytes.ts";
import { invalidateEntry, invalidateInode, NOTIFY_BYTES } from "../fuse/notify.ts";
import { ENOENT, errnoName } from "../sys/errno.ts";
import { libc } from "../sys/libc.ts";
import { Memory } from "../sys/memory.ts";
import { workerChannel } from "./worker_scope.ts";

export interface NotifierStart {
  readonly kind: "start";
  readonly fuseFd: number;
  /** Negotiated: INVAL_ENTRY may leave open files alone. */
  readonly expireOnly: boolean;
}

export interface Invalidation {
  readonly kind: "invalidate";
  /** `parent` is a nodeid. */
  readonly names: readonly { readonly parent: number; readonly name: ByteName }[];
  /** Nodeids whose attributes and cached contents are to be dropped. */
  readonly nodes: readonly number[];
}

export type NotifierRequest = NotifierStart | Invalidation;

/** Sent back for every `Invalidation`, in order; `failure` names an unexpected errno. */
export interface NotifierDone {
  readonly failure?: string;
}

const channel = workerChannel<NotifierRequest, NotifierDone>();
let start: NotifierStart | undefined;
const memory = new Memory(NOTIFY_BYTES);

channel.onMessage((message) => {
  if (message.kind === "start") start = message;
  else if (start !== undefined) channel.post(invalidate(start, message));
});

function invalidate({ fuseFd, expireOnly }: NotifierStart, message: Invalidation): NotifierDone {
  const sys = libc();
  let failed = 0;
  // Directories first: whoever lists one again after a name's change sees it.
  for (const nodeid of message.nodes) {
    failed ||= sys.write(fuseFd, memory.address, invalidateInode(memory, nodeid, 0, 0));
    if (failed > 0 || failed === -ENOENT) failed = 0;
  }
  for (const { parent, name } of message.names) {
    const length = invalidateEntry(memory, parent, toBytes(name), expireOnly);
    failed ||= sys.write(fuseFd, memory.address, length);
    if (failed > 0 || failed === -ENOENT) failed = 0;
  }
  return failed === 0 ? {} : { failure: errnoName(failed) };
}
