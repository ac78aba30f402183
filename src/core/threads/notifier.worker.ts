/**
 * The notifier thread: writes NOTIFY messages. INVAL_ENTRY waits for the directory's lock, which a
 * pending LOOKUP holds, so no request may ever depend on this thread.
 */

import { NOTIFY_BYTES } from "../fuse/notify.ts";
import { errnoName } from "../sys/errno.ts";
import { libc } from "../sys/libc.ts";
import { Memory } from "../sys/memory.ts";
import { type Invalidation, writeInvalidation } from "./invalidation.ts";
import { workerChannel } from "./worker_scope.ts";

export interface NotifierStart {
  readonly kind: "start";
  readonly fuseFd: number;
  /** Negotiated: INVAL_ENTRY may leave open files alone. */
  readonly expireOnly: boolean;
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
  const write = (length: number) => sys.write(fuseFd, memory.address, length);
  const failed = writeInvalidation(message, expireOnly, memory, write);
  return failed === 0 ? {} : { failure: errnoName(failed) };
}
