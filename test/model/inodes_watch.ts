/** An inode number belongs to a path, for ever. */

import type { MusicFsEvent } from "../../src/core/events.ts";
import type { Node } from "./fuse_replies.ts";
import type { Violate } from "./promises.ts";
import type { Watch } from "./watch.ts";

export interface InodesWatchPorts {
  readonly changes: { readonly configured: number };
  readonly fail: Violate;
}

export class InodesWatch implements Watch {
  readonly #paths = new Map<number, string>();
  /** Of files that are there since they were seen. */
  readonly #inodes = new Map<string, number>();
  #configured = 0;

  constructor(readonly ports: InodesWatchPorts) {}

  /** A file that comes back is another one. */
  event({ type }: MusicFsEvent): void {
    if (type === "file_removed") this.#inodes.clear();
  }

  named(path: string, node: Node | undefined): void {
    if (node === undefined) return;
    const { configured } = this.ports.changes;
    if (configured !== this.#configured) this.#inodes.clear();
    this.#configured = configured;
    const { inode, isDirectory } = node;
    const what = `${isDirectory ? "directory" : "file"} ${path}`;
    const known = this.#inodes.get(path);
    if (known !== undefined && !isDirectory && known !== inode) {
      this.#fail(`${path} was ${known} and is ${inode}`);
    }
    const other = this.#paths.get(inode) ?? what;
    if (other !== what) this.#fail(`${inode} was ${other} and is ${what}`);
    if (!isDirectory) this.#inodes.set(path, inode);
    this.#paths.set(inode, what);
  }

  #fail(detail: string): void {
    this.ports.fail("an inode belongs to a path", detail);
  }
}
