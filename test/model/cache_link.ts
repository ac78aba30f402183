/**
 * The block cache of one life with its store, which is a thread in the program, in this one. What
 * the two say to each other takes some time.
 */

import { BlockStore } from "../../src/core/cache/block_store.ts";
import type { StoreAnswer, StoreCalls, StoreRequest } from "../../src/core/cache/store_protocol.ts";
import { StoredBlockCache } from "../../src/core/cache/stored_block_cache.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { EventBus } from "../../src/core/events.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import type { ModelDisk } from "./cache_disk.ts";

export interface CacheLinkPorts {
  /** Stands still when the program dies. */
  readonly clock: Clock & { readonly dead: boolean };
  readonly cacheDir: string;
  readonly budgetBytes: number;
  /** How long a message takes. */
  readonly delayMs: number;
  readonly disk: ModelDisk;
  readonly events: EventBus;
  readonly isCached: (origin: OriginId) => boolean;
}

export class CacheLink implements Disposable {
  readonly blocks: StoredBlockCache;
  /** What a person asks of the cache. */
  readonly calls: StoreCalls;
  readonly #store: BlockStore;
  #underWay = 0;
  #isStarted = false;

  constructor(readonly ports: CacheLinkPorts) {
    const { cacheDir, budgetBytes, clock, disk, events, isCached } = ports;
    this.#store = new BlockStore({
      cacheDir,
      budgetBytes,
      clock,
      disk: disk.calls,
      before: disk.before,
      answer: (answer) => this.#answer(answer),
    });
    this.blocks = new StoredBlockCache({
      cacheDir,
      events,
      reads: disk.reads,
      post: (request: StoreRequest) => this.#later(() => this.#store.take(request)),
      isCached,
      onWhole: () => undefined,
      onNotice: () => undefined,
    });
    this.calls = this.#store.calls(() => undefined);
    // A mount waits for the cache to be open, or known not to be.
    this.#store.start();
    this.#isStarted = true;
  }

  /** Messages on their way. */
  get waiting(): number {
    return this.#underWay;
  }

  [Symbol.dispose](): void {
    this.blocks[Symbol.dispose]();
    this.#store[Symbol.dispose]();
  }

  #answer(answer: StoreAnswer): void {
    if (answer.kind === "result" || answer.kind === "failed" || answer.kind === "progress") return;
    if (this.#isStarted) this.#later(() => this.blocks.take(answer));
    else this.blocks.take(answer);
  }

  #later(task: () => void): void {
    const { clock, delayMs } = this.ports;
    this.#underWay++;
    const arrive = () => {
      this.#underWay--;
      if (!clock.dead) task();
    };
    if (delayMs > 0) clock.schedule(delayMs, arrive);
    else queueMicrotask(arrive);
  }
}
