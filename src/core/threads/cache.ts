/** The block cache of a mount, with its store on a thread of its own. */

import type { BytePath } from "../bytes.ts";
import { DiskBlockReads } from "../cache/block_reads.ts";
import type { StoreCall, StoreCalls, StoreRequest } from "../cache/store_protocol.ts";
import { StoredBlockCache } from "../cache/stored_block_cache.ts";
import { OwnError } from "../errors.ts";
import type { EventBus } from "../events.ts";
import type { OriginId } from "../origins/origin.ts";
import type { CacheAnswer, CacheRequest } from "./cache.worker.ts";
import { errorFromData } from "./error_data.ts";
import { spawnWorker } from "./spawn.ts";

/** How long `close` waits for what is on its way to the disk. */
const CLOSE_PATIENCE_MS = 2000;

const CLOSED = "is closed";

export interface CacheThreadOptions {
  readonly cacheDir: string;
  readonly budgetBytes: number;
  readonly events: EventBus;
  /** Whether an origin's bytes are kept. */
  readonly isCached: (origin: OriginId) => boolean;
  /** All bytes of the file's version are on disk now. */
  readonly onWhole: (path: BytePath) => void;
  /** What was set aside or begun anew, for people. */
  readonly onNotice: (message: string) => void;
  /** The thread died of a bug; what is cached can still be read. */
  readonly onFault: (message: string) => void;
}

/** How far a call has come, in bytes. */
export type OnProgress = (doneBytes: number, totalBytes: number) => void;

interface PendingCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: OnProgress;
}

export class CacheThread implements AsyncDisposable {
  readonly blocks: StoredBlockCache;
  readonly #worker: Worker;
  readonly #calls = new Map<number, PendingCall>();
  readonly #started = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  #nextCall = 1;
  #ended: OwnError | undefined;

  /** Never fails: a cache that cannot be used says so in its `state`, and is tried again. */
  static async open(
    options: CacheThreadOptions,
    spawn: () => Worker = () => spawnWorker("cache"),
  ): Promise<CacheThread> {
    const thread = new CacheThread(options, spawn());
    await thread.#started.promise;
    return thread;
  }

  private constructor(
    readonly options: CacheThreadOptions,
    worker: Worker,
  ) {
    const { cacheDir, budgetBytes, events, isCached, onWhole, onNotice } = options;
    this.#worker = worker;
    this.blocks = new StoredBlockCache({
      cacheDir,
      events,
      reads: new DiskBlockReads(),
      post: (request) => this.#post(request),
      isCached,
      onWhole,
      onNotice,
    });
    worker.addEventListener("message", ({ data }: MessageEvent<CacheAnswer>) => this.#take(data));
    worker.addEventListener("error", ({ message }) => this.#end(`failed: ${message}`));
    worker.addEventListener("close", () => this.#end("ended"));
    this.#post({ kind: "start", cacheDir, budgetBytes });
  }

  /** What a person asks of the cache. */
  calls(onProgress: OnProgress = () => undefined): StoreCalls {
    const call =
      <M extends StoreCall>(method: M) =>
      (...args: Parameters<StoreCalls[M]>) =>
        this.#call(method, args, onProgress) as ReturnType<StoreCalls[M]>;
    return {
      stats: call("stats"),
      clear: call("clear"),
      pin: call("pin"),
      unpin: call("unpin"),
      verify: call("verify"),
    };
  }

  /** Writes what was taken by `keep`, and ends the thread. Idempotent. */
  async close(): Promise<void> {
    if (this.#ended === undefined) {
      this.blocks[Symbol.dispose]();
      this.#post({ kind: "close" });
      await Promise.race([this.#closed.promise, Bun.sleep(CLOSE_PATIENCE_MS)]);
    }
    this.#end(CLOSED);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #call(method: StoreCall, args: readonly unknown[], onProgress: OnProgress): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = this.#nextCall++;
    this.#calls.set(id, { resolve, reject, onProgress });
    this.#post({ kind: "call", id, method, args });
    return promise;
  }

  #post(request: CacheRequest | StoreRequest): void {
    if (this.#ended !== undefined) return;
    const transfer = request.kind === "keep" ? [request.bytes.buffer] : [];
    this.#worker.postMessage(request, transfer as ArrayBuffer[]);
  }

  #take(answer: CacheAnswer): void {
    switch (answer.kind) {
      case "closed":
        this.#closed.resolve();
        break;
      case "progress":
        this.#calls.get(answer.id)?.onProgress(answer.doneBytes, answer.totalBytes);
        break;
      case "result":
        this.#calls.get(answer.id)?.resolve(answer.result);
        this.#calls.delete(answer.id);
        break;
      case "failed":
        this.#calls.get(answer.id)?.reject(errorFromData(answer.error));
        this.#calls.delete(answer.id);
        break;
      default:
        this.blocks.take(answer);
        if (answer.kind === "state") this.#started.resolve();
    }
  }

  /** Nothing will be answered any more. */
  #end(how: string): void {
    if (this.#ended !== undefined) return;
    const ended = new OwnError("cache", `the cache thread ${how}`);
    this.#ended = ended;
    this.#worker.terminate();
    this.#started.resolve();
    this.#closed.resolve();
    for (const { reject } of this.#calls.values()) reject(ended);
    this.#calls.clear();
    if (how === CLOSED) return;
    this.options.onFault(ended.message);
    this.blocks.abandon(ended.message);
  }
}
