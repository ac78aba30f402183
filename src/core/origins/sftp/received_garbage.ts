/**
 * Has collected what a connection leaves behind of the bytes it brought. Decrypting takes new memory for each packet, three
 * times what is received, and the runtime looks for garbage the later the more memory a machine has: hundreds of
 * megabytes would lie about. Looking at what is new, often, takes 2 ms each time; what has outlived such a look goes when
 * all is looked at, which takes 10 ms.
 */

import { edenGC, fullGC } from "bun:jsc";
import { COLLECT_ALL_EACH, COLLECT_EACH_BYTES } from "../../limits.ts";

export interface Collections {
  /** What is new. */
  readonly young: () => void;
  readonly all: () => void;
}

export class ReceivedGarbage {
  #bytes = 0;
  #collections = 0;

  /** Default: the collector of this thread. */
  constructor(private readonly collections: Collections = { young: edenGC, all: fullGC }) {}

  /** So many bytes came and were made use of. */
  received(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < COLLECT_EACH_BYTES) return;
    this.#bytes = 0;
    this.#collections++;
    if (this.#collections % COLLECT_ALL_EACH === 0) this.collections.all();
    else this.collections.young();
  }
}
