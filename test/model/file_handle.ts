/** A file that an application has open. */

import type { Node } from "./fuse_replies.ts";

export interface FileHandle {
  readonly fh: number;
  readonly path: string;
  readonly node: Node;
  readonly flags: number;
  readsUnderWay: number;
  /** Resolves when no read is under way; RELEASE waits for it. */
  idle: PromiseWithResolvers<void> | undefined;
}
