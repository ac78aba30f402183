/** The READs of the kernel, each with what the origins were asked for it. */

import type { Clock } from "../../src/core/clock.ts";
import type { FileHandle } from "./file_handle.ts";
import type { Outcome } from "./outcome.ts";
import type { ReadClass } from "./read_class.ts";
import type { OriginRequest } from "./storage.ts";

export interface Read {
  readonly handle: FileHandle;
  readonly offsetBytes: number;
  /** What should come: what was asked for, cut at the end of the file. */
  readonly lengthBytes: number;
  readonly sentMs: number;
  /** The configuration that it met. */
  readonly configured: number;
  /** No other READ was under way at any time, and no signal came. */
  alone: boolean;
  /** A signal came to somebody who reads the same handle. */
  interrupted: boolean;
  /** Undefined until it was answered. */
  result: Outcome<Uint8Array> | undefined;
  /** Undefined until it was answered, and for errors. */
  class: ReadClass | undefined;
  /** What origins were asked for just this range, in order; complete once it was answered. */
  tries: readonly OriginRequest[];
}

export interface ReadLogPorts {
  readonly clock: Clock;
  readonly changes: { readonly configured: number };
}

export class ReadLog {
  #requests: OriginRequest[] = [];
  readonly #underWay = new Set<Read>();
  readonly #interrupted = new WeakSet<FileHandle>();

  constructor(readonly ports: ReadLogPorts) {}

  /** When the READ left that waits longest; infinite when none does. */
  get oldestSentMs(): number {
    return Math.min(...[...this.#underWay].map(({ sentMs }) => sentMs));
  }

  request(request: OriginRequest): void {
    if (request.kind === "read") this.#requests.push(request);
  }

  interrupted(handle: FileHandle): void {
    this.#interrupted.add(handle);
    for (const read of this.#underWay) if (read.handle === handle) read.interrupted = true;
  }

  sent(handle: FileHandle, offsetBytes: number, askedBytes: number): Read {
    const { clock, changes } = this.ports;
    const alone = this.#underWay.size === 0;
    if (alone) this.#requests = [];
    for (const other of this.#underWay) other.alone = false;
    const read: Read = {
      handle,
      offsetBytes,
      lengthBytes: Math.max(0, Math.min(askedBytes, handle.node.sizeBytes - offsetBytes)),
      sentMs: clock.monotonicMs(),
      configured: changes.configured,
      alone,
      interrupted: this.#interrupted.has(handle),
      result: undefined,
      class: undefined,
      tries: [],
    };
    this.#underWay.add(read);
    return read;
  }

  answered(read: Read, result: Outcome<Uint8Array>): void {
    this.#underWay.delete(read);
    read.result = result;
    if (read.alone) {
      read.tries = this.#requests.filter(
        (r) => r.offsetBytes === read.offsetBytes && r.lengthBytes === read.lengthBytes,
      );
    }
  }

  /** The mount is gone. */
  forget(): void {
    this.#underWay.clear();
    this.#requests = [];
  }
}
