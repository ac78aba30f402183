/**
 * The store's side of the cache: takes requests of the main thread one after the other, and goes on
 * whatever happens to the disk. While anything fails the cache is *degraded*: nothing is kept, and
 * every CACHE_RETRY_MS it is opened anew, in whatever state the disk then is.
 */

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BeforeStatement } from "../catalog/connection.ts";
import { ProcessLock } from "../catalog/process_lock.ts";
import { isDamage } from "../catalog/recovery.ts";
import type { Clock } from "../clock.ts";
import { messageOf, OwnError } from "../errors.ts";
import { CACHE_COMMIT_MS, CACHE_RETRY_MS, CACHE_TRIAL_BYTES } from "../limits.ts";
import type { CacheState } from "./block_cache.ts";
import { BlockSums } from "./checksum.ts";
import type { CacheDisk } from "./data_files.ts";
import { Eviction } from "./eviction.ts";
import { diskBytes } from "./index_batch.ts";
import { contentDirectory, openIndex, removeIndex } from "./open_index.ts";
import { type BoundVersion, type Evicted, OpenStore } from "./open_store.ts";
import { storeCalls } from "./store_calls.ts";
import type { StoreAnswer, StoreCalls, StoreRequest } from "./store_protocol.ts";
import { Sweep } from "./sweep.ts";

export interface BlockStorePorts {
  readonly cacheDir: string;
  readonly budgetBytes: number;
  readonly clock: Clock;
  readonly answer: (answer: StoreAnswer) => void;
  /** Calls to the disk of the data files; tests make them fail. Default: node:fs. */
  readonly disk?: CacheDisk;
  /** See `BeforeStatement`. */
  readonly before?: BeforeStatement;
}

type Keep = Extract<StoreRequest, { kind: "keep" }>;

/** The answer to a `keep` or `drop` whose commit is due. */
type Uncommitted = Extract<StoreAnswer, { kind: "kept" | "dropped" }>;

export class BlockStore implements Disposable {
  readonly #directory: string;
  readonly #versions = new Map<number, BoundVersion>();
  #uncommitted: Uncommitted[] = [];
  #opened: Opened | undefined;
  #commitTimer: Disposable | undefined;
  #retryTimer: Disposable | undefined;
  #toldBytes: number | undefined;
  #state: CacheState = { status: "degraded", reason: "it is not open yet" };

  constructor(readonly ports: BlockStorePorts) {
    this.#directory = contentDirectory(ports.cacheDir);
  }

  get state(): CacheState {
    return this.#state;
  }

  /** Opens the cache; answers `opened` and its `state`. */
  start(): void {
    try {
      this.#opened = this.#open();
    } catch (error) {
      this.#fail(error);
      return;
    }
    const { store } = this.#opened;
    this.ports.answer({ kind: "opened", generation: store.opened.generation });
    this.#tellUsed(store);
    for (const version of this.#versions.values()) this.#bind(version, undefined);
    this.#setState({ status: "ok" });
    this.#attempt(({ eviction }) => eviction.check());
  }

  take(request: StoreRequest): void {
    switch (request.kind) {
      case "bind":
        this.#bind(request, request.content);
        break;
      case "hold":
        this.#attempt(({ store }) => store.hold(request.slot, request.content));
        break;
      case "adopt":
        this.#adopt(request);
        break;
      case "discard":
        this.#discard(request.slot);
        break;
      case "unbind":
        this.#unbind(request.slot, request.wasRead);
        break;
      case "keep":
        this.#keep(request);
        break;
      case "drop":
        this.#drop(request.slot, request.block);
        break;
      case "lose":
        this.#lose(request.slot);
        break;
      case "call":
        void this.#call(request.id, request.method, request.args);
        break;
    }
  }

  /** Commits what is due and closes everything. Idempotent. */
  [Symbol.dispose](): void {
    this.#commit();
    this.#close();
    this.#retryTimer?.[Symbol.dispose]();
  }

  #open(): Opened {
    const { cacheDir, budgetBytes, clock, answer, disk, before } = this.ports;
    using undo = new DisposableStack();
    undo.use(lockContents(cacheDir));
    const index = openIndex(this.#directory, before);
    undo.defer(() => index.connection.close());
    if (index.notice !== undefined) answer({ kind: "notice", message: index.notice });
    const store = undo.use(new OpenStore(index, this.#directory, budgetBytes, disk));
    // What a full or read-only disk refuses is refused here, and not for every block to come.
    store.files.tryWriting(CACHE_TRIAL_BYTES);
    const onFailure = (error: unknown) => this.#fail(error);
    const onEvicted = ({ files, bytes }: Evicted) => {
      answer({ kind: "evicted", files, bytes });
      this.#tellUsed(store);
    };
    const eviction = undo.use(new Eviction(store, clock, onEvicted, onFailure));
    undo.use(new Sweep(store, this.#directory, clock, onFailure));
    return { store, eviction, end: undo.move() };
  }

  /** `known`: the content that the main thread has found already. */
  #bind({ slot, names, path, sizeBytes }: BoundVersion, known: number | undefined): void {
    const version = { slot, names, path, sizeBytes };
    this.#versions.set(slot, version);
    // What a version that was just closed has kept is found in the index.
    if (this.#uncommitted.length > 0) this.#commit();
    this.#attempt(({ store }) => {
      const content = store.bind(version);
      if ((content?.id ?? 0) !== known) this.#tellBound(store, slot);
      this.#commitSoon();
    });
  }

  #unbind(slot: number, wasRead: boolean): void {
    this.#versions.delete(slot);
    this.#attempt(({ store }) => {
      store.unbind(slot, wasRead);
      this.#commitSoon();
    });
  }

  #tellBound(store: OpenStore, slot: number): void {
    const content = store.contentOf(slot);
    const sums = content?.sums.copy() ?? new BlockSums();
    this.ports.answer({ kind: "bound", slot, content: content?.id ?? 0, groups: sums.groups });
  }

  #keep({ slot, offsetBytes, bytes }: Keep): void {
    const lengthBytes = bytes.byteLength;
    const version = this.#versions.get(slot);
    let kept: Uncommitted | undefined;
    this.#attempt(({ store, eviction }) => {
      if (version === undefined) return;
      if (!eviction.makeRoom(diskBytes(lengthBytes))) {
        if (store.capacityBytes() < store.budgetBytes) this.#setFull();
        return;
      }
      const sums = store.keep(version, offsetBytes, bytes);
      const content = store.contentOf(slot)?.id ?? 0;
      kept = { kind: "kept", slot, content, offsetBytes, lengthBytes, sums };
      this.#uncommitted.push(kept);
      this.#commitSoon();
    });
    if (kept !== undefined) return;
    const nothing = { content: 0, sums: undefined };
    this.ports.answer({ kind: "kept", slot, offsetBytes, lengthBytes, ...nothing });
  }

  #drop(slot: number, block: number): void {
    this.#attempt(({ store }) => {
      const content = store.contentOf(slot);
      if (content === undefined) return;
      store.drop(content, block);
      this.#uncommitted.push({ kind: "dropped", slot, block });
      this.#commitSoon();
    });
  }

  #adopt({ slot, names, path }: Extract<StoreRequest, { kind: "adopt" }>): void {
    this.#attempt(({ store }) => store.adopt(slot, names, path));
    this.#commit();
    this.#attempt(({ store }) => {
      for (const version of this.#versions.values()) {
        if (store.contentOf(version.slot) !== undefined) continue;
        if (!version.names.some((name) => names.includes(name))) continue;
        store.bind(version);
        this.#tellBound(store, version.slot);
      }
    });
    const nothing = { content: 0, offsetBytes: 0, lengthBytes: 0, sums: undefined };
    this.ports.answer({ kind: "kept", slot, ...nothing });
  }

  #discard(slot: number): void {
    this.#commit();
    this.#attempt(({ store }) => {
      store.discard(slot);
      this.#tellUsed(store);
    });
  }

  #lose(slot: number): void {
    this.#commit();
    this.#attempt(({ store }) => {
      const content = store.contentOf(slot);
      const row = content === undefined ? undefined : store.index.content(content.id);
      if (row === undefined) return;
      for (const gone of store.remove([row])) this.#tellBound(store, gone);
    });
  }

  #commitSoon(): void {
    this.#commitTimer ??= this.ports.clock.schedule(CACHE_COMMIT_MS, () => this.#commit());
  }

  #commit(): void {
    this.#commitTimer?.[Symbol.dispose]();
    this.#commitTimer = undefined;
    this.#attempt(({ store, eviction }) => {
      store.commit();
      for (const answer of this.#uncommitted.splice(0)) this.ports.answer(answer);
      this.#tellUsed(store);
      eviction.check();
    });
  }

  /** The disk has no room and nothing may be evicted; what is there can be read as before. */
  #setFull(): void {
    const reason = `the disk of ${this.#directory} has no room`;
    this.#setState({ status: "degraded", reason });
    this.#retryLater();
  }

  #retryLater(): void {
    this.#retryTimer?.[Symbol.dispose]();
    this.#retryTimer = this.ports.clock.schedule(CACHE_RETRY_MS, () => {
      if (this.#opened === undefined) return this.start();
      this.#attempt(({ store }) => {
        const { usedBytes, budgetBytes } = store;
        // What the budget leaves is not the disk's matter.
        const neededBytes = Math.min(usedBytes + CACHE_TRIAL_BYTES, budgetBytes);
        if (store.capacityBytes() < neededBytes) this.#retryLater();
        else this.#setState({ status: "ok" });
      });
    });
  }

  #attempt(work: (opened: Opened) => void): void {
    if (this.#opened === undefined) return;
    try {
      work(this.#opened);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Nothing is known of the disk any more but what was committed. */
  #fail(error: unknown): void {
    this.#close();
    if (isDamage(error)) this.#forgetIndex();
    const reason = `${this.#directory} cannot be used: ${messageOf(error)}`;
    this.#setState({ status: "degraded", reason });
    this.#retryLater();
  }

  #forgetIndex(): void {
    try {
      removeIndex(this.#directory);
    } catch (error) {
      // The next opening finds it as damaged as it is.
      this.ports.answer({ kind: "notice", message: `not removed: ${messageOf(error)}` });
    }
  }

  #close(): void {
    this.#commitTimer?.[Symbol.dispose]();
    this.#commitTimer = undefined;
    this.#opened?.end[Symbol.dispose]();
    this.#opened = undefined;
    for (const answer of this.#uncommitted.splice(0)) {
      const undone = answer.kind === "kept" ? { ...answer, sums: undefined } : answer;
      this.ports.answer(undone);
    }
  }

  #tellUsed({ usedBytes: bytes }: OpenStore): void {
    if (bytes !== this.#toldBytes) this.ports.answer({ kind: "used", bytes });
    this.#toldBytes = bytes;
  }

  #setState(state: CacheState): void {
    const before = this.#state;
    this.#state = state;
    const reason = (of: CacheState) => (of.status === "ok" ? "" : of.reason);
    if (before.status === state.status && reason(before) === reason(state)) return;
    this.ports.answer({ kind: "state", state });
  }

  async #call(id: number, method: keyof StoreCalls, args: readonly unknown[]): Promise<void> {
    const { answer } = this.ports;
    const onProgress = (doneBytes: number, totalBytes: number) =>
      answer({ kind: "progress", id, doneBytes, totalBytes });
    try {
      const result: unknown = await Reflect.apply(this.calls(onProgress)[method], undefined, args);
      answer({ kind: "result", id, result });
    } catch (error) {
      answer({ kind: "failed", id, error });
    }
  }

  /**
   * What a person asks of the cache; `onProgress` is told how far `verify` has come. What fails,
   * fails with OwnError `cache`.
   */
  calls(onProgress: (doneBytes: number, totalBytes: number) => void): StoreCalls {
    const calls = storeCalls({
      clock: this.ports.clock,
      onProgress,
      commit: () => this.#commit(),
      store: () => {
        if (this.#opened !== undefined) return this.#opened.store;
        throw new OwnError("cache", `the cache cannot be used for now${this.#why()}`);
      },
      onGone: (slots) =>
        this.#attempt(({ store }) => {
          this.#tellUsed(store);
          for (const slot of slots) this.#tellBound(store, slot);
        }),
      onDropped: (slot, block) => void this.#uncommitted.push({ kind: "dropped", slot, block }),
    });
    const guarded = async <T>(call: Promise<T>): Promise<T> => {
      try {
        return await call;
      } catch (error) {
        if (error instanceof OwnError) throw error;
        this.#fail(error);
        throw new OwnError("cache", `the cache cannot be used${this.#why()}`, { cause: error });
      }
    };
    return {
      stats: () => guarded(calls.stats()),
      clear: (options) => guarded(calls.clear(options)),
      pin: (paths) => guarded(calls.pin(paths)),
      unpin: (paths) => guarded(calls.unpin(paths)),
      verify: (options) => guarded(calls.verify(options)),
    };
  }

  #why(): string {
    return this.#state.status === "ok" ? "" : `: ${this.#state.reason}`;
  }
}

interface Opened {
  readonly store: OpenStore;
  readonly eviction: Eviction;
  /** Ends everything that was begun with the store, and the store. */
  readonly end: DisposableStack;
}

/** Takes the contents for this process until disposed; throws `busy` while another has them. */
function lockContents(cacheDir: string): ProcessLock {
  mkdirSync(cacheDir, { recursive: true, mode: 0o700 });
  const lock = ProcessLock.tryAcquire(lockFile(cacheDir));
  if (lock !== undefined) return lock;
  throw new OwnError("busy", `another process uses the cached contents in ${cacheDir}`);
}

/** Whether a process has the contents now. */
export function isCacheInUse(cacheDir: string): boolean {
  if (!existsSync(lockFile(cacheDir))) return false;
  using lock = ProcessLock.tryAcquire(lockFile(cacheDir));
  return lock === undefined;
}

function lockFile(cacheDir: string): string {
  return join(cacheDir, "content.lock");
}
