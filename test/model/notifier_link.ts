/**
 * The notifier's thread without a thread: messages are written one after the other, and one that
 * waits for a directory's lock holds up those behind it, as in the kernel.
 */

import type { Clock } from "../../src/core/clock.ts";
import { NOTIFY_BYTES } from "../../src/core/fuse/notify.ts";
import { Memory } from "../../src/core/sys/memory.ts";
import { type Invalidation, writeInvalidation } from "../../src/core/threads/invalidation.ts";
import type { NotifierDone, NotifierRequest } from "../../src/core/threads/notifier.worker.ts";
import type { Kernel } from "./kernel.ts";

type Listener = (event: { readonly data: NotifierDone }) => void;

/** How often a message that waits for a lock looks again. */
const LOCK_LOOK_MS = 1;

export class NotifierLink {
  readonly #memory = new Memory(NOTIFY_BYTES);
  readonly #queue: Uint8Array[] = [];
  #listener: Listener = () => undefined;
  #working = false;
  #ended = false;

  constructor(
    readonly kernel: Kernel,
    readonly clock: Clock,
  ) {}

  /** Messages not written yet. */
  get waiting(): number {
    return this.#queue.length;
  }

  // What the notifier uses of a Worker.

  addEventListener(type: string, listener: Listener): void {
    if (type === "message") this.#listener = listener;
  }

  postMessage(request: NotifierRequest): void {
    if (request.kind === "start") return;
    this.#encode(structuredClone(request));
    this.#work();
  }

  terminate(): void {
    this.#ended = true;
    this.#queue.length = 0;
  }

  #encode(invalidation: Invalidation): void {
    writeInvalidation(invalidation, true, this.#memory, (length) => {
      this.#queue.push(this.#memory.bytes.slice(0, length));
      return length;
    });
    // No bytes: the end of one request.
    this.#queue.push(new Uint8Array(0));
  }

  #work(): void {
    if (this.#working) return;
    this.#working = true;
    for (let next = this.#queue[0]; next !== undefined && !this.#ended; next = this.#queue[0]) {
      if (next.byteLength > 0 && this.kernel.isLocked(next)) {
        this.clock.schedule(LOCK_LOOK_MS, () => {
          this.#working = false;
          this.#work();
        });
        return;
      }
      this.#queue.shift();
      if (next.byteLength > 0) this.kernel.notify(next);
      else queueMicrotask(() => this.#listener({ data: {} }));
    }
    this.#working = false;
  }
}
