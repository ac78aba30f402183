/**
 * The block cache of a mount, seen from the main thread: reads the data files itself, and has the
 * store do whatever writes. What is on disk is looked up in the index when a version is opened, so
 * that `has` is right at once, and followed from then on by the store's answers.
 */

import type { BytePath } from "../bytes.ts";
import type { EventBus } from "../events.ts";
import { CACHE_QUEUE_BYTES } from "../limits.ts";
import type { OriginId } from "../origins/origin.ts";
import type { BackingContent, BackingContents, Proof, ProveOptions } from "./backing_contents.ts";
import type {
  BlockCache,
  BlockSource,
  CacheableFile,
  CachedFile,
  CacheState,
} from "./block_cache.ts";
import { BlockFiles } from "./block_files.ts";
import type { BlockReads } from "./block_reads.ts";
import { blockAt, blockCount, requireWholeBlocks } from "./blocks.ts";
import { ABSENT, BlockSums } from "./checksum.ts";
import { contentNames, otherNames } from "./content_name.ts";
import { dataDirectory, dataFile } from "./data_files.ts";
import type {
  FormerContent,
  FormerContents,
  Holding,
  LostContent,
  LostContents,
  WholeContent,
  WholeContents,
} from "./former_contents.ts";
import { type CachedContent, IndexReader } from "./index_reader.ts";
import { contentDirectory } from "./open_index.ts";
import { BlockBuffers, OpenVersion, type OpenVersionPorts } from "./open_version.ts";
import type { StoreAnswer, StoreRequest } from "./store_protocol.ts";

export interface StoredBlockCachePorts {
  readonly cacheDir: string;
  readonly events: EventBus;
  readonly reads: BlockReads;
  /** To the store, in order. Byte arrays of `keep` are given away. */
  readonly post: (request: Exclude<StoreRequest, { kind: "call" }>) => void;
  /** Whether an origin's bytes are kept. */
  readonly isCached: (origin: OriginId) => boolean;
  /** All bytes of the file's version are on disk now. */
  readonly onWhole: (path: BytePath) => void;
  /** For the log. */
  readonly onNotice: (message: string) => void;
}

export class StoredBlockCache
  implements BlockCache, BackingContents, FormerContents, LostContents, WholeContents, Disposable
{
  readonly #files: BlockFiles;
  readonly #index: IndexReader;
  readonly #versionPorts: OpenVersionPorts;
  readonly #byVersion = new Map<number, OpenVersion>();
  readonly #bySlot = new Map<number, OpenVersion>();
  #nextSlot = 1;
  #state: CacheState = { status: "degraded", reason: "it is not open yet" };
  #isStarted = false;
  #isDisposed = false;
  #dataDirectory = "";
  #queuedBytes = 0;
  /** Requests to the store after which more is on disk. */
  #unanswered = 0;
  #usedBytes = 0;
  #waitingForRoom: (() => void)[] = [];

  constructor(readonly ports: StoredBlockCachePorts) {
    this.#files = new BlockFiles(ports.reads);
    this.#index = new IndexReader(contentDirectory(ports.cacheDir));
    this.#versionPorts = {
      files: this.#files,
      buffers: new BlockBuffers(),
      fileOf: (content) => dataFile(this.#dataDirectory, content),
      onBadBlock: (version, block, reason) => this.#onBadBlock(version, block, reason),
      onLost: (version, reason) => this.#onLost(version, reason),
    };
  }

  get state(): CacheState {
    return this.#state;
  }

  open(file: CacheableFile): CachedFile {
    const version = this.#byVersion.get(file.version) ?? this.#open(file);
    version.views++;
    let isOpen = true;
    return {
      has: (block) => version.has(block),
      get isComplete() {
        return version.isComplete;
      },
      read: (offsetBytes, into) => version.read(offsetBytes, into),
      keep: (offsetBytes, bytes, source) => this.#keep(version, offsetBytes, bytes, source),
      settled: () => version.settled(),
      [Symbol.dispose]: () => {
        if (isOpen && --version.views === 0) this.#close(version);
        isOpen = false;
      },
    };
  }

  holding(file: CacheableFile): Holding {
    if (file.sizeBytes === 0) return "current";
    const found = this.#index.find(contentNames(file.replicas()), file.sizeBytes);
    if (found?.sums.count === blockCount(file.sizeBytes)) return "current";
    const former = this.#index.wholeAt(file.path, found?.content ?? 0);
    return former === undefined ? "none" : "former";
  }

  openFormer(file: CacheableFile): FormerContent | undefined {
    const { path } = file;
    const replicas = file.replicas();
    const own = this.#index.find(contentNames(replicas), file.sizeBytes)?.content ?? 0;
    const former = this.#index.wholeAt(path, own);
    if (former === undefined) return undefined;
    const { content, sizeBytes, sums } = former;
    const isOthers = replicas.some((replica) => {
      const names = otherNames([replica]);
      return this.#index.find(names, replica.originVersion.sizeBytes)?.content === content;
    });
    const held = this.#hold(path, sizeBytes, { content, sums });
    return {
      ...held.whole,
      discard: () => {
        if (!isOthers) this.ports.post({ kind: "discard", slot: held.version.slot });
      },
    };
  }

  openWhole(file: CacheableFile): WholeContent | undefined {
    return this.#holdWhole(file)?.whole;
  }

  async prove(file: CacheableFile, options: ProveOptions): Promise<Proof | undefined> {
    const held = this.#holdWhole(file);
    if (held === undefined) return undefined;
    using _held = held.whole;
    return await held.version.prove(options.pause, options.settledMs);
  }

  async openProved(file: CacheableFile, proof: Proof): Promise<BackingContent | undefined> {
    const held = this.#holdWhole(file, true);
    if (held === undefined) return undefined;
    const { whole, version } = held;
    const fd = await version.openProved(proof);
    if (fd === undefined) {
      whole[Symbol.dispose]();
      return undefined;
    }
    return {
      fd,
      [Symbol.dispose]: () => {
        whole[Symbol.dispose]();
        this.ports.reads.close(fd);
      },
    };
  }

  lost(isInTree: (path: BytePath) => boolean): ReadonlyMap<number, readonly number[]> {
    return this.#index.elsewhere(isInTree);
  }

  openLost(id: number): LostContent | undefined {
    const found = this.#index.wholeById(id);
    if (found === undefined) return undefined;
    const { whole, version } = this.#hold(found.path, found.sizeBytes, found);
    const { slot } = version;
    return {
      ...whole,
      adopt: async (file) => {
        const names = contentNames(file.replicas());
        if (names.length === 0 || this.#isDisposed) return;
        version.keepBegan();
        this.#bindThose((other) => other.names.some((name) => names.includes(name)));
        this.#unanswered++;
        this.ports.post({ kind: "adopt", slot, names, path: file.path });
        await version.settled();
      },
    };
  }

  /** Paths of what is on disk, also of what is there in part. */
  paths(): readonly BytePath[] {
    return this.#index.paths();
  }

  async room(): Promise<void> {
    while (this.#queuedBytes > CACHE_QUEUE_BYTES / 2 && !this.#isDisposed) {
      await new Promise<void>((resolve) => this.#waitingForRoom.push(resolve));
    }
  }

  /** An answer of the store; in the order in which it was given. */
  take(answer: Exclude<StoreAnswer, { kind: "result" | "failed" | "progress" }>): void {
    const { events } = this.ports;
    switch (answer.kind) {
      case "opened":
        this.#files.close();
        this.#index.reopen();
        // Only the store can tell what is there now.
        this.#bindThose(() => true);
        this.#dataDirectory = dataDirectory(
          contentDirectory(this.ports.cacheDir),
          answer.generation,
        );
        break;
      case "state":
        this.#setState(answer.state);
        break;
      case "notice":
        this.ports.onNotice(answer.message);
        break;
      case "bound":
        this.#bySlot
          .get(answer.slot)
          ?.setContent(answer.content, new BlockSums(new Map(answer.groups)));
        break;
      case "kept":
        this.#onKept(answer);
        break;
      case "dropped": {
        const version = this.#bySlot.get(answer.slot);
        version?.setSum(version.content, answer.block, ABSENT);
        break;
      }
      case "used":
        this.#usedBytes = answer.bytes;
        break;
      case "evicted":
        events.emit({ type: "cache_evicted", files: answer.files, bytes: answer.bytes });
        break;
    }
  }

  /** The store is no more: nothing is kept from now on, and nobody waits for it. */
  abandon(reason: string): void {
    this.#setState({ status: "degraded", reason });
    this.#queuedBytes = 0;
    for (const resolve of this.#waitingForRoom.splice(0)) resolve();
    for (const version of this.#bySlot.values()) version.abandon();
  }

  /** What the disk holds. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Versions that are open, for leak checks. */
  get openVersions(): number {
    return this.#bySlot.size;
  }

  /** Lets go of files and index; reads find nothing any more. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#files.close();
    this.#index[Symbol.dispose]();
    for (const version of this.#bySlot.values()) {
      version.setContent(0, new BlockSums());
      version.abandon();
    }
    for (const resolve of this.#waitingForRoom.splice(0)) resolve();
    this.#bySlot.clear();
    this.#byVersion.clear();
  }

  #open(file: CacheableFile): OpenVersion {
    const { path, sizeBytes } = file;
    const names = contentNames(file.replicas());
    const slot = this.#nextSlot++;
    const version = new OpenVersion(this.#versionPorts, slot, file.version, names, path, sizeBytes);
    this.#byVersion.set(file.version, version);
    this.#bySlot.set(slot, version);
    const found = this.#index.find(names, sizeBytes);
    if (found !== undefined) version.setContent(found.content, found.sums);
    // Of a file of which nothing is there, nor on its way, the store need not hear until something is.
    if (found !== undefined || this.#unanswered > 0) this.#bind(version);
    return version;
  }

  #bind(version: OpenVersion): void {
    if (version.isBound) return;
    version.isBound = true;
    const { slot, names, path, sizeBytes, content } = version;
    this.ports.post({ kind: "bind", slot, names, path, sizeBytes, content });
  }

  /** Has the store say of versions of which nothing was there whether there is something now. */
  #bindThose(concerned: (version: OpenVersion) => boolean): void {
    for (const version of this.#byVersion.values()) if (concerned(version)) this.#bind(version);
  }

  /** The version's content, if all of it is there. */
  #holdWhole(file: CacheableFile, wasRead = false) {
    const { path, sizeBytes } = file;
    const found = this.#index.find(contentNames(file.replicas()), sizeBytes);
    if (found?.sums.count !== blockCount(sizeBytes)) return undefined;
    return this.#hold(path, sizeBytes, found, wasRead);
  }

  /** A content in use by whoever looks at it, whatever version it is of; `wasRead`: as reading does. */
  #hold(path: BytePath, sizeBytes: number, { content, sums }: CachedContent, wasRead = false) {
    const slot = this.#nextSlot++;
    const version = new OpenVersion(this.#versionPorts, slot, 0, [], path, sizeBytes);
    version.setContent(content, sums);
    this.#bySlot.set(slot, version);
    this.ports.post({ kind: "hold", slot, content });
    const whole: WholeContent = {
      sizeBytes,
      read: (offsetBytes, into) => version.read(offsetBytes, into),
      [Symbol.dispose]: () => {
        if (this.#isDisposed || !this.#bySlot.delete(slot)) return;
        version.close();
        this.ports.post({ kind: "unbind", slot, wasRead });
      },
    };
    return { whole, version };
  }

  #close(version: OpenVersion): void {
    const { slot, wasRead } = version;
    if (this.#isDisposed) return;
    version.close();
    this.#byVersion.delete(version.version);
    this.#bySlot.delete(slot);
    if (version.isBound) this.ports.post({ kind: "unbind", slot, wasRead });
  }

  #keep(
    version: OpenVersion,
    offsetBytes: number,
    bytes: Uint8Array,
    { origin, proved }: BlockSource,
  ): boolean {
    const { slot, sizeBytes, names } = version;
    const { byteLength } = bytes;
    requireWholeBlocks(offsetBytes, byteLength, sizeBytes);
    if (!proved || names.length === 0 || !this.ports.isCached(origin)) return false;
    if (this.#state.status !== "ok" || this.#isDisposed) return false;
    if (this.#queuedBytes + byteLength > CACHE_QUEUE_BYTES) return false;
    this.#queuedBytes += byteLength;
    version.keepBegan();
    this.#bind(version);
    this.#unanswered++;
    this.ports.post({ kind: "keep", slot, offsetBytes, bytes: bytes.slice() });
    return true;
  }

  #onKept({
    slot,
    content,
    offsetBytes,
    lengthBytes,
    sums,
  }: Extract<StoreAnswer, { kind: "kept" }>): void {
    this.#unanswered--;
    this.#queuedBytes -= lengthBytes;
    if (this.#queuedBytes <= CACHE_QUEUE_BYTES / 2) {
      for (const resolve of this.#waitingForRoom.splice(0)) resolve();
    }
    const version = this.#bySlot.get(slot);
    if (version === undefined) return;
    const first = blockAt(offsetBytes);
    const wasWhole = version.isComplete;
    for (const [i, sum] of sums?.entries() ?? []) version.setSum(content, first + i, sum);
    if (version.isComplete && !wasWhole) this.ports.onWhole(version.path);
    version.keepEnded();
  }

  /** That it can be used from the start is nothing to tell. */
  #setState(state: CacheState): void {
    const isNews = this.#isStarted || state.status !== "ok";
    this.#isStarted = true;
    this.#state = state;
    if (isNews) this.ports.events.emit({ type: "cache_state_changed", ...state });
  }

  #onBadBlock(version: OpenVersion, block: number, reason: string): void {
    const { slot, path } = version;
    version.setSum(version.content, block, ABSENT);
    this.ports.post({ kind: "drop", slot, block });
    this.ports.events.emit({ type: "cache_block_dropped", path, block, reason });
  }

  #onLost(version: OpenVersion, reason: string): void {
    const { slot, path } = version;
    version.setContent(0, new BlockSums());
    this.ports.post({ kind: "lose", slot });
    this.ports.events.emit({ type: "cache_block_dropped", path, block: 0, reason });
  }
}
