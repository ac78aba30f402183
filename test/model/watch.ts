/** A watch looks on while a history is played, and says when a promise is broken. */

import type { MusicFsEvent } from "../../src/core/events.ts";
import type { Node } from "./fuse_replies.ts";
import type { Read } from "./read_log.ts";
import type { OriginRequest } from "./storage.ts";

export interface Watch {
  /** The program told what happened. */
  event?(event: MusicFsEvent): void;
  /** A request reached an origin; it ends later. */
  request?(request: OriginRequest): void;
  /** The mount answers for a name: `node` is undefined when it is not there. */
  named?(path: string, node: Node | undefined): void;
  /** The mount told all names of a directory. */
  listed?(path: string, names: readonly string[]): void;
  /** An application saw these names and these attributes of a directory together. */
  directoryShown?(path: string, node: Node, names: readonly string[]): void;
  /** A READ leaves the kernel. */
  readSent?(read: Read): void;
  /** It was answered. */
  readAnswered?(read: Read): void;
  /** After a step, when what follows from it without further time has happened. */
  look?(): void;
  /** The program has ended, and its mount with it. */
  lifeEnded?(): void;
}
