/**
 * Reads of open files through the cache: blocks on disk, else in memory or on their way, else
 * fetched from the origins, block-aligned, once however many want them, and kept on disk when their
 * origin's are. Sequential readers are read ahead for. Files of which no origin is worth that go
 * straight to the federation.
 *
 * A fetch ends when no READ waits for it and no open handle reads ahead with it. Everything here
 * happens in one thread.
 */

import type { Clock } from "../clock.ts";
import {
  copied,
  type FederatedFile,
  type FetchBytes,
  type ReadFile,
  type ServedRead,
} from "../federation/file.ts";
import type { OriginId } from "../origins/origin.ts";
import type { Listening } from "./album_prefetch.ts";
import type { BlockCache } from "./block_cache.ts";
import { BlockRead } from "./block_read.ts";
import { blockCount } from "./blocks.ts";
import { MemoryShare } from "./memory_share.ts";
import { ReaderHandle } from "./reader_handle.ts";
import { ReaderMemory } from "./reader_memory.ts";
import { SmallFilesAhead, type SmallFilesAheadPorts } from "./small_files_ahead.ts";
import { VersionBlocks } from "./version_blocks.ts";

export interface ReaderPorts {
  readonly clock: Clock;
  readonly cache: BlockCache;
  readonly fetch: FetchBytes;
  /** Whether it is worth while to read an origin's files in blocks, and ahead of who reads them. */
  readonly isReadAhead: (origin: OriginId) => boolean;
  /** Told of what is read. Default: nobody is. */
  readonly listening?: Listening;
  /** Small files in the order in which they are listed. Default: none is fetched ahead. */
  readonly smallFilesAfter?: SmallFilesAheadPorts["following"];
  /** Every read ends within this time. */
  readonly readDeadlineMs: number;
}

/** Where bytes came from. */
export type ReadSources = Pick<ServedRead, "cacheBytes" | "memoryBytes" | "originBytes">;

export const NOTHING_READ: ReadSources = { cacheBytes: 0, memoryBytes: 0, originBytes: 0 };

interface OpenVersion {
  readonly blocks: VersionBlocks;
  /** Handles and reads that use it. */
  users: number;
}

const STRAIGHT = "straight";

const NOTHING: Disposable = { [Symbol.dispose]: () => undefined };

export class Reader {
  /** Handles that were read from, by their file. */
  readonly #handles = new Map<FederatedFile, ReaderHandle | typeof STRAIGHT>();
  readonly #versions = new Map<number, OpenVersion>();
  readonly #memory = new ReaderMemory();
  readonly #counts = { ...NOTHING_READ };
  readonly #share: MemoryShare;
  readonly #ahead: SmallFilesAhead;

  constructor(readonly ports: ReaderPorts) {
    const { clock, smallFilesAfter: following = () => [] } = ports;
    this.#share = new MemoryShare(clock);
    this.#ahead = new SmallFilesAhead({ clock, following, fetch: (file) => this.#fetch(file) });
  }

  /**
   * Reads as many bytes as fit and the file has. `file` is the open handle: one object for as long
   * as it is open. Rejects as `FetchBytes`, within `readDeadlineMs`.
   */
  readonly read: ReadFile = async (file, offsetBytes, into, { signal }) => {
    const isFirst = !this.#handles.has(file);
    const handle = this.#handleOf(file);
    const lengthBytes = Math.max(0, Math.min(into.byteLength, file.sizeBytes - offsetBytes));
    if (handle === STRAIGHT || lengthBytes === 0) {
      return await this.#straight(file, offsetBytes, into, signal);
    }
    const { clock, listening, readDeadlineMs: deadlineMs } = this.ports;
    listening?.readingFrom(file.version);
    using _version = this.#use(file);
    const wanted = into.subarray(0, lengthBytes);
    const request = { file, offsetBytes, into: wanted, signal, deadlineMs };
    handle.note(offsetBytes, lengthBytes);
    using read = new BlockRead(clock, handle.blocks, request);
    handle.readAhead();
    if (isFirst) this.#ahead.reading(file);
    const served = await read.run();
    this.#count(served);
    if (handle.hasListened(served.bytesRead)) listening?.listenedTo(file);
    return served;
  };

  /** The handle is closed. */
  release(file: FederatedFile): void {
    const handle = this.#handles.get(file);
    this.#handles.delete(file);
    if (handle === undefined || handle === STRAIGHT) return;
    handle[Symbol.dispose]();
    this.#leave(file.version);
  }

  /** Lets go of what was fetched for nobody yet. */
  close(): void {
    this.#ahead[Symbol.dispose]();
  }

  /** Of the reads so far; those that went straight to an origin are left out. */
  get counts(): ReadSources {
    return this.#counts;
  }

  /** Memory that blocks take, and versions and handles that are open; for status and leak checks. */
  get usage(): {
    readonly memoryBytes: number;
    readonly versions: number;
    readonly handles: number;
    readonly sequential: number;
    /** Small files that are fetched for nobody yet. */
    readonly filesAhead: number;
  } {
    return {
      memoryBytes: this.#memory.usedBytes,
      versions: this.#versions.size,
      handles: this.#handles.size,
      sequential: this.#share.size,
      filesAhead: this.#ahead.size,
    };
  }

  async #straight(
    file: FederatedFile,
    offsetBytes: number,
    into: Uint8Array,
    signal: AbortSignal,
  ): Promise<ServedRead> {
    const fetching = this.ports.fetch(file, offsetBytes, into.byteLength, { signal });
    const outcome = await copied(fetching, into);
    const { bytesRead, origin, failures, failedOver, hedged, proved } = outcome;
    const served = { bytesRead, proved, cacheBytes: 0, memoryBytes: 0, originBytes: bytesRead };
    const how = { origin, failures, hedged, ...(failedOver === undefined ? {} : { failedOver }) };
    return { ...served, ...how };
  }

  #count({ cacheBytes, memoryBytes, originBytes }: ServedRead): void {
    this.#counts.cacheBytes += cacheBytes;
    this.#counts.memoryBytes += memoryBytes;
    this.#counts.originBytes += originBytes;
  }

  #handleOf(file: FederatedFile): ReaderHandle | typeof STRAIGHT {
    const known = this.#handles.get(file);
    if (known !== undefined) return known;
    const handle = this.#isReadAhead(file)
      ? new ReaderHandle(file, this.#enter(file).blocks, this.#share)
      : STRAIGHT;
    this.#handles.set(file, handle);
    return handle;
  }

  /** A file that is gone from its origins has no replicas: who has it open reads on all the same. */
  #isReadAhead(file: FederatedFile): boolean {
    return (
      this.#versions.has(file.version) ||
      file.replicas().some(({ origin }) => this.ports.isReadAhead(origin))
    );
  }

  /** Has a small file fetched that nobody reads yet, unless it is here or not read in blocks. */
  #fetch(file: FederatedFile): Disposable {
    if (!this.#isReadAhead(file)) return NOTHING;
    const { blocks } = this.#enter(file);
    const [run] = blocks.missing({ first: 0, end: blockCount(file.sizeBytes) });
    const fetch = run && blocks.start(file, run, { background: true });
    const want = fetch?.want() ?? NOTHING;
    return {
      [Symbol.dispose]: () => {
        want[Symbol.dispose]();
        this.#leave(file.version);
      },
    };
  }

  /** Keeps the version open for the time of a read, whether or not its handle is closed. */
  #use(file: FederatedFile): Disposable {
    this.#enter(file);
    return { [Symbol.dispose]: () => this.#leave(file.version) };
  }

  #enter(file: FederatedFile): OpenVersion {
    const { cache, fetch } = this.ports;
    let open = this.#versions.get(file.version);
    if (open === undefined) {
      const ports = { memory: this.#memory, fetch };
      const blocks = new VersionBlocks(file.sizeBytes, cache.open(file), ports);
      open = { blocks, users: 0 };
      this.#versions.set(file.version, open);
    }
    open.users++;
    return open;
  }

  #leave(version: number): void {
    const open = this.#versions.get(version);
    if (open === undefined) return;
    open.users--;
    if (open.users > 0) return;
    this.#versions.delete(version);
    open.blocks[Symbol.dispose]();
  }
}
