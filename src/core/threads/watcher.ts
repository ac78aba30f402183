/**
 * The watcher thread from the main thread's side: watches directory trees of this machine. The
 * thread is started with the first watch.
 */

import { messageOf, OwnError } from "../errors.ts";
import type { ChangeListener, WatchState } from "../origins/origin.ts";
import { errnoName } from "../sys/errno.ts";
import { libc } from "../sys/libc.ts";
import { Memory } from "../sys/memory.ts";
import { spawnWorker } from "./spawn.ts";
import type { WatcherMessage, WatcherRequest } from "./watcher.worker.ts";

/** eventfd(2): each read takes one ring. */
const EFD_SEMAPHORE = 1;
const EFD_CLOEXEC = 0o2000000;
/** How long `close` waits for the thread, which may be at a slow disk. */
const STOP_PATIENCE_MS = 500;

interface Watch {
  readonly onChange: ChangeListener;
  readonly onState: (state: WatchState) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly bell: number;
  readonly ended: Promise<void>;
}

export class Watcher implements AsyncDisposable {
  readonly #watches = new Map<number, Watch>();
  #thread: Thread | undefined;
  #lastId = 0;
  #closed = false;

  constructor(readonly onFault: (message: string) => void) {}

  /** As `Origin.watch`, of the directory `root`; a thread that cannot be started is told by `onState`. */
  watch(root: string, onChange: ChangeListener, onState?: Watch["onState"]): Disposable {
    if (this.#closed) throw new OwnError("internal", "the watcher is closed");
    const id = ++this.#lastId;
    this.#watches.set(id, { onChange, onState: onState ?? (() => undefined) });
    try {
      this.#thread ??= this.#start();
      this.#send({ kind: "watch", id, root });
    } catch (error) {
      // Not one descriptor more can be had, for now.
      const reason = messageOf(error);
      queueMicrotask(() => this.#take({ kind: "lost", id, reason, forGood: false }));
    }
    return {
      [Symbol.dispose]: () => {
        if (this.#watches.delete(id)) this.#send({ kind: "unwatch", id });
      },
    };
  }

  /** Ends the thread; one that hangs in a system call is left to the end of the process. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#watches.clear();
    const thread = this.#thread;
    if (thread === undefined) return;
    this.#send({ kind: "end" });
    this.#thread = undefined;
    const ended = await Promise.race([
      thread.ended.then(() => true),
      Bun.sleep(STOP_PATIENCE_MS).then(() => false),
    ]);
    thread.worker.terminate();
    if (ended) libc().close(thread.bell);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #start(): Thread {
    const bell = libc().eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
    if (bell < 0) throw new OwnError("internal", `eventfd: ${errnoName(bell)}`);
    const worker = spawnWorker("watcher");
    const { promise, resolve } = Promise.withResolvers<void>();
    worker.addEventListener("message", ({ data }: MessageEvent<WatcherMessage>) => {
      if (data.kind === "ended") resolve();
      else this.#take(data);
    });
    worker.addEventListener("error", ({ message }) => {
      resolve();
      this.onFault(`watcher thread: ${message}`);
      const reason = "the watcher thread failed";
      for (const id of [...this.#watches.keys()]) {
        this.#take({ kind: "lost", id, reason, forGood: true });
      }
    });
    worker.postMessage({ kind: "start", bell } satisfies WatcherRequest);
    return { worker, bell, ended: promise };
  }

  #take(message: Exclude<WatcherMessage, { kind: "ended" }>): void {
    const watch = this.#watches.get(message.id);
    if (watch === undefined) return;
    switch (message.kind) {
      case "watching":
        watch.onState({ watching: true });
        break;
      case "changed":
        for (const directory of message.directories) watch.onChange(directory);
        break;
      case "changed_everywhere":
        watch.onChange(undefined);
        break;
      case "lost": {
        this.#watches.delete(message.id);
        const { reason, forGood } = message;
        watch.onState({ watching: false, reason, forGood });
      }
    }
  }

  #send(request: WatcherRequest): void {
    const thread = this.#thread;
    if (thread === undefined) return;
    const one = new Memory(8);
    one.view.setBigUint64(0, 1n, true);
    thread.worker.postMessage(request);
    libc().write(thread.bell, one.address, one.sizeBytes);
  }
}
