/** A watch looks on while a history is played, and says when a promise is broken. */

import type { MusicFsEvent } from "../../src/core/events.ts";
import type { Read } from "./read_log.ts";
import type { OriginRequest } from "./storage.ts";

export interface Watch {
  /** The program told what happened. */
  event?(event: MusicFsEvent): void;
  /** A request reached an origin; it ends later. */
  request?(request: OriginRequest): void;
  /** A READ leaves the kernel. */
  readSent?(read: Read): void;
  /** It was answered. */
  readAnswered?(read: Read): void;
  /** After a step, when what follows from it without further time has happened. */
  look?(): void;
  /** The program has ended, and its mount with it. */
  lifeEnded?(): void;
}
