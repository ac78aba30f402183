/** The FUSE thread from the main thread's side. */

import { OwnError } from "../errors.ts";
import type { Negotiated } from "../fuse/session.ts";
import type { Deferred } from "../vfs/deferred.ts";
import type { FuseMessage, FuseStart } from "./fuse.worker.ts";
import { spawnWorker } from "./spawn.ts";

export interface FuseThreadPorts {
  readonly onDeferred: (deferred: Deferred) => void;
  /** A request got EIO because of a bug. */
  readonly onFault: (message: string) => void;
}

export class FuseThread {
  /** Resolves when the kernel's first request was answered: the mount can be used. */
  readonly ready: Promise<Negotiated>;
  /** Resolves when the mount is gone; rejects when the thread ended for another reason. */
  readonly ended: Promise<void>;
  readonly #worker: Worker;

  /** Starts the thread, which loads its code meanwhile. */
  constructor(ports: FuseThreadPorts) {
    const ready = Promise.withResolvers<Negotiated>();
    const ended = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.ended = ended.promise;
    const fail = (message: string) => {
      const error = new OwnError("mount", `the FUSE thread ended: ${message}`);
      ready.reject(error);
      ended.reject(error);
    };
    this.#worker = spawnWorker("fuse");
    this.#worker.addEventListener("message", (event: MessageEvent<FuseMessage>) => {
      const message = event.data;
      if (message.kind === "deferred") ports.onDeferred(message.deferred);
      else if (message.kind === "fault") ports.onFault(message.message);
      else if (message.kind === "ready") ready.resolve(message.negotiated);
      else if (message.failure !== undefined) fail(message.failure);
      else {
        ready.reject(new OwnError("mount", "unmounted before it was ready"));
        ended.resolve();
      }
    });
    this.#worker.addEventListener("error", (event) => fail(event.message));
    // Whoever waits for one of the two need not care for the other.
    this.ready.catch(() => undefined);
    this.ended.catch(() => undefined);
  }

  /** Serves the mounted connection from now on; once. */
  serve(start: FuseStart): void {
    this.#worker.postMessage(start);
  }

  /** Only once the mount is gone: a thread inside read(2) cannot be ended. */
  terminate(): void {
    this.#worker.terminate();
  }
}
