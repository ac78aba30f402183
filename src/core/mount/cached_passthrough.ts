/**
 * Which files that the main thread opens are read by the kernel itself: complete cached ones that are
 * proved. It decides on a node when it answers the first OPEN of it, and answers all further ones
 * alike until no handle is left; `vfs/passthrough.ts` tells which nodes those are.
 */

import type { BackingContent } from "../cache/backing_contents.ts";
import type { CacheableFile } from "../cache/block_cache.ts";
import type { ProvedFiles } from "../cache/proved_files.ts";
import { messageOf } from "../errors.ts";
import { HANDLE_HAS_REPLICAS, type HandleTable } from "../vfs/handles.ts";
import { fileNode } from "../vfs/nodeid.ts";
import { type BackingFiles, Passthrough } from "../vfs/passthrough.ts";

export interface CachedPassthroughPorts {
  readonly backing: BackingFiles;
  readonly proved: ProvedFiles;
  readonly handles: HandleTable;
  /** Whether something is to be done once a part of the version was read, so that we have to see it. */
  readonly isListenedFor: (version: number) => boolean;
  /** The catalog cannot be read, or there is a bug. */
  readonly onFault: (message: string) => void;
}

export class CachedPassthrough implements Disposable {
  readonly #passthrough: Passthrough;
  /** By handle. */
  readonly #nodes = new Map<number, number>();
  /** By backing id. */
  readonly #contents = new Map<number, BackingContent>();
  #opens = 0;

  constructor(readonly ports: CachedPassthroughPorts) {
    const { backing, handles } = ports;
    const guarded: BackingFiles = {
      open: (fd) => {
        const backingId = backing.open(fd);
        // All data files lie on one file system: what is refused once is refused always.
        if (backingId <= 0) ports.proved.close();
        return backingId;
      },
      close: (backingId) => {
        backing.close(backingId);
        this.#contents.get(backingId)?.[Symbol.dispose]();
        this.#contents.delete(backingId);
      },
    };
    this.#passthrough = new Passthrough(guarded, (fh) => handles.isOpen(fh));
  }

  /**
   * What to answer the OPEN of a handle with: a backing id, or 0 to read through us. The answer has to
   * follow at once. Never rejects.
   */
  async open(fh: number, version: number, file: () => CacheableFile | undefined): Promise<number> {
    const node = fileNode(version);
    const content = await this.#proved(fh, version, file);
    const backingId = this.#passthrough.opened(node, fh, content?.fd ?? -1);
    this.#nodes.set(fh, node);
    if (content !== undefined && backingId > 0 && !this.#contents.has(backingId)) {
      this.#contents.set(backingId, content);
    } else content?.[Symbol.dispose]();
    if (backingId > 0) this.#opens++;
    return backingId;
  }

  /** The handle is closed. */
  released(fh: number): void {
    const node = this.#nodes.get(fh);
    if (node === undefined) return;
    this.#nodes.delete(fh);
    this.#passthrough.released(node, fh);
  }

  /** Opens so far that were passed through. */
  get opens(): number {
    return this.#opens;
  }

  /** Lets go of the data files; the kernel reads on by itself, and the connection's end ends that. */
  [Symbol.dispose](): void {
    for (const content of this.#contents.values()) content[Symbol.dispose]();
    this.#contents.clear();
  }

  async #proved(
    fh: number,
    version: number,
    file: () => CacheableFile | undefined,
  ): Promise<BackingContent | undefined> {
    const { proved, handles, isListenedFor, onFault } = this.ports;
    if (!proved.has(version) || this.#passthrough.has(fileNode(version))) return undefined;
    // Of what the kernel reads we see nothing: not that the replicas are worth comparing, ...
    if (handles.hasFlag(fh, HANDLE_HAS_REPLICAS)) return undefined;
    try {
      // ... nor that the next track will be wanted.
      if (isListenedFor(version)) return undefined;
      const opened = file();
      return opened === undefined ? undefined : await proved.open(opened);
    } catch (error) {
      onFault(`opening a cached file: ${messageOf(error)}`);
      return undefined;
    }
  }
}
