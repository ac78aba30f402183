/**
 * Tells the kernel what to forget, without ever waiting for it: the notifier thread writes, and may
 * hang for as long as a LOOKUP does.
 */

import type { ByteName } from "../bytes.ts";
import type { CatalogChanges } from "../catalog/catalog.ts";
import { directoryNode } from "../vfs/nodeid.ts";
import type { SeenDirectories } from "../vfs/seen.ts";
import type { Invalidation } from "./invalidation.ts";
import type { NotifierDone, NotifierRequest } from "./notifier.worker.ts";
import { spawnWorker } from "./spawn.ts";

/** What the rest of the program sees; the simulator has its own. */
export interface KernelCache {
  /** After a change of the catalog: its names and directories are asked for again. */
  invalidate(changes: CatalogChanges): void;
  /** The pages of a file's node are dropped. */
  dropPages(nodeid: number): void;
}

/** Messages handed to the thread and not yet done; beyond it they are merged here. */
const MAX_UNDER_WAY = 8;

export class Notifier implements KernelCache {
  readonly #worker: Worker;
  #names: { readonly parent: number; readonly name: ByteName }[] = [];
  #nodes = new Set<number>();
  #underWay = 0;
  #closed = false;

  constructor(
    fuseFd: number,
    expireOnly: boolean,
    readonly seen: SeenDirectories,
    readonly onFault: (message: string) => void,
    spawn = () => spawnWorker("notifier"),
  ) {
    this.#worker = spawn();
    this.#worker.addEventListener("message", (event: MessageEvent<NotifierDone>) => {
      this.#underWay--;
      // ENODEV and its kind: the mount is going, which the FUSE thread tells.
      if (event.data.failure !== undefined && !this.#closed) {
        this.onFault(`telling the kernel of changes: ${event.data.failure}`);
      }
      this.#flush();
    });
    this.#worker.addEventListener("error", (event) => this.onFault(event.message));
    this.#post({ kind: "start", fuseFd, expireOnly });
  }

  invalidate(changes: CatalogChanges): void {
    // A directory the kernel was never told of has no names it could know.
    for (const name of changes.names)
      if (this.seen.has(name.parent))
        this.#names.push({ ...name, parent: directoryNode(name.parent) });
    for (const entry of changes.directories) {
      if (this.seen.has(entry)) this.#nodes.add(directoryNode(entry));
    }
    this.#flush();
  }

  dropPages(nodeid: number): void {
    this.#nodes.add(nodeid);
    this.#flush();
  }

  /** Stops sending. A thread that hangs ends with the connection. */
  close(): void {
    this.#closed = true;
    this.#worker.terminate();
  }

  #flush(): void {
    if (this.#closed || this.#underWay >= MAX_UNDER_WAY) return;
    if (this.#names.length === 0 && this.#nodes.size === 0) return;
    this.#underWay++;
    this.#post({ kind: "invalidate", names: this.#names, nodes: [...this.#nodes] });
    this.#names = [];
    this.#nodes = new Set();
  }

  #post(request: NotifierRequest | Invalidation): void {
    this.#worker.postMessage(request);
  }
}
