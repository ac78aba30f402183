/**
 * The requests that the FUSE and reader threads could not answer at once, on the main thread's event
 * loop. Every one is answered once, whatever happens to the origins.
 */

import { NO_REPLY, type Session } from "../fuse/session.ts";
import type { Deferred, LocalFailure } from "../vfs/deferred.ts";
import type { BoundFile, BoundFiles } from "./bound_files.ts";
import type { KernelReplies } from "./kernel_replies.ts";
import type { Listings } from "./listings.ts";
import type { Opens } from "./opens.ts";
import type { PendingReads } from "./pending_reads.ts";

export interface DeferredRequestsPorts {
  /** Answers directory requests from the catalog, whatever it holds. */
  readonly session: Session;
  readonly reply: KernelReplies;
  readonly listings: Listings;
  readonly opens: Opens;
  readonly reads: PendingReads;
  readonly files: BoundFiles;
  /** A thread saw an origin's file fail; tells the federation. */
  readonly onLocalFailure: (failure: LocalFailure) => void;
  /** The file's replicas are worth comparing. */
  readonly fingerprint: (version: number) => void;
  /** A handle that is known here is closed. */
  readonly onClosed: (fh: number) => void;
  /** A file that was read here is closed. */
  readonly onReleased: (file: BoundFile) => void;
  /** A directory request was answered; what some origin holds there may be missing in it. */
  readonly onAnswered: (directory: number) => void;
  /** The catalog could not be read, or there is a bug. */
  readonly onFault: (what: string, error: unknown) => void;
}

export class DeferredRequests {
  readonly #underWay = new Set<Promise<void>>();

  constructor(readonly ports: DeferredRequestsPorts) {}

  /** Never throws: what fails on our side is a fault, and the request is still answered. */
  readonly handle = (deferred: Deferred): void => {
    const work = this.#handle(deferred)
      .catch((error: unknown) => this.ports.onFault(`a deferred ${deferred.kind}`, error))
      .finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  };

  /** Resolves when everything that is under way now has been answered. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #handle(deferred: Deferred): Promise<void> {
    const { ports } = this;
    switch (deferred.kind) {
      case "directory":
        await this.#directory(deferred.directory, deferred.request);
        break;
      case "open":
        if (deferred.failure !== undefined) ports.onLocalFailure(deferred.failure);
        await ports.opens.start(deferred);
        break;
      case "read":
        if (deferred.failure !== undefined) ports.onLocalFailure(deferred.failure);
        await ports.reads.start(deferred);
        break;
      case "interrupt":
        ports.reads.interrupt(deferred.unique);
        break;
      case "flush":
        ports.reads.flush(deferred.fh);
        break;
      case "release": {
        ports.onClosed(deferred.fh);
        const file = ports.files.release(deferred.fh);
        if (file !== undefined) ports.onReleased(file);
        break;
      }
      case "fingerprint":
        ports.fingerprint(deferred.version);
        break;
    }
  }

  async #directory(directory: number, request: Uint8Array): Promise<void> {
    const { listings, session, reply } = this.ports;
    try {
      await listings.ensure(directory);
    } finally {
      // The session tells an error of its own where the catalog cannot be read.
      const length = session.handle(request);
      if (length > NO_REPLY) reply(session.reply, length);
    }
    this.ports.onAnswered(directory);
  }
}
