/** The reader threads from the main thread's side. */

import { OwnError } from "../errors.ts";
import { READER_THREADS } from "../limits.ts";
import type { Deferred } from "../vfs/deferred.ts";
import { DiskCalls } from "./disk_calls.ts";
import type { ReaderMessage, ReaderStart } from "./reader.worker.ts";
import type { SharedState } from "./shared_state.ts";
import { spawnWorker } from "./spawn.ts";

/** How long `close` waits for readers to finish what they are at before it lets go of them. */
const STOP_PATIENCE_MS = 500;

export interface ReaderPoolPorts {
  readonly state: SharedState;
  /** The mounted connection; -1 in a process that serves no mount. */
  readonly fuseFd: number;
  readonly onDeferred: (deferred: Deferred) => void;
  /** Readers put samples into the latency rings, the first since those of an origin were collected. */
  readonly onMeasured: () => void;
  /** A reader died of a bug; the pool goes on with the others. */
  readonly onFault: (message: string) => void;
}

export class ReaderPool implements AsyncDisposable {
  readonly calls: DiskCalls;
  #threads: readonly { readonly worker: Worker; readonly ended: Promise<void> }[] = [];

  constructor(readonly ports: ReaderPoolPorts) {
    this.calls = new DiskCalls(ports.state.jobs);
  }

  /** Starts the threads, once; what is asked of them before waits in the queue. */
  start(): void {
    const { state, fuseFd } = this.ports;
    const start: ReaderStart = { shared: state.buffers, fuseFd };
    this.#threads = Array.from({ length: READER_THREADS }, () => this.#startThread(start));
  }

  /** Ends the threads; one that hangs in a system call is left to the end of the process. */
  async close(): Promise<void> {
    this.ports.state.jobs.stop();
    this.calls.close();
    await Promise.race([
      Promise.all(this.#threads.map(({ ended }) => ended)),
      Bun.sleep(STOP_PATIENCE_MS),
    ]);
    for (const { worker } of this.#threads) worker.terminate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #startThread(start: ReaderStart): { worker: Worker; ended: Promise<void> } {
    const worker = spawnWorker("reader");
    const { promise, resolve } = Promise.withResolvers<void>();
    worker.addEventListener("message", (event: MessageEvent<ReaderMessage>) => {
      const message = event.data;
      if (message.kind === "result") this.calls.settle(message.id, message.result);
      else if (message.kind === "deferred") this.ports.onDeferred(message.deferred);
      else if (message.kind === "measured") this.ports.onMeasured();
      else resolve();
    });
    worker.addEventListener("error", (event) => {
      this.ports.onFault(new OwnError("internal", `reader thread: ${event.message}`).message);
      resolve();
    });
    worker.postMessage(start);
    return { worker, ended: promise };
  }
}
