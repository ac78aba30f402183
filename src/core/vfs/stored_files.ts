/**
 * Small files that the kernel is given whole with the answer to their OPEN, so that it need not ask for
 * them: of three requests a file, two are left, of which the caller waits for one.
 *
 * The kernel keeps what it is given as if it had read it, under the nodeid, which is one version's. So
 * what is given is read and proved as for a READ.
 */

import { STORED_AT, storeFile } from "../fuse/notify.ts";
import { OPEN_STORE_BYTES } from "../limits.ts";
import { Memory } from "../sys/memory.ts";
import type { HandleTable } from "./handles.ts";
import type { LocalFiles } from "./local_files.ts";

/** Writes a message to the kernel. Negative: it took nothing. */
export type Tell = (message: Memory, lengthBytes: number) => number;

export class StoredFiles {
  readonly #message = new Memory(STORED_AT + OPEN_STORE_BYTES);

  constructor(
    readonly handles: HandleTable,
    readonly local: LocalFiles,
    readonly tell: Tell,
  ) {}

  /**
   * Gives the file behind `fh` to the kernel, if it is small and in the page cache, and not while
   * another handle of the node is open: a READ of that may lie in the device, unread by us, and the
   * kernel would wait for its answer. Answers the bytes, valid until the next call; undefined when
   * nothing was given.
   */
  store(nodeid: number, fh: number, fd: number): Uint8Array | undefined {
    const size = this.handles.sizeBytes(fh);
    if (size === 0 || size > OPEN_STORE_BYTES || !this.handles.isAlone(fh)) return undefined;
    const message = this.#message;
    if (this.local.readCached(fh, fd, 0, size, message, STORED_AT) !== size) return undefined;
    if (this.tell(message, storeFile(message, nodeid, size)) < 0) return undefined;
    return message.bytes.subarray(STORED_AT, STORED_AT + size);
  }
}
