/**
 * Requests on their way to the program and its replies, as bytes. What a reply must never be is checked
 * here: unasked, twice, late, of another length than it says.
 */

import type { Clock } from "../../src/core/clock.ts";
import { OUT_HEADER } from "../../src/core/fuse/layout.ts";
import { ENODEV } from "../../src/core/sys/errno.ts";
import { type Part, request, u64 } from "../core/fuse/requests.ts";
import type { Violate } from "./promises.ts";

export interface Reply {
  /** 0 or positive. */
  readonly errno: number;
  readonly body: Buffer;
}

interface Waiting {
  readonly name: string;
  readonly nodeid: number;
  readonly sentMs: number;
  readonly limitMs: number;
  readonly settle: (reply: Reply) => void;
}

export interface ConnectionPorts {
  readonly clock: Clock;
  /** Gives the program a request. */
  readonly send: (request: Uint8Array) => void;
  /** A rule of the protocol was broken. */
  readonly violation: Violate;
  /** Longest duration of each kind of request. */
  readonly limitsMs: { readonly read: number; readonly directory: number; readonly open: number };
}

const GONE: Reply = { errno: ENODEV, body: Buffer.alloc(0) };

export class FuseConnection {
  readonly #waiting = new Map<number, Waiting>();
  #unique = 2;
  #gone = false;

  constructor(readonly ports: ConnectionPorts) {}

  /** The `unique` of the next request. */
  get nextUnique(): number {
    return this.#unique;
  }

  get isGone(): boolean {
    return this.#gone;
  }

  /** Requests not answered yet. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** True while a request of one of these names waits at the node. */
  isAsking(nodeid: number, names: readonly string[]): boolean {
    return [...this.#waiting.values()].some((r) => r.nodeid === nodeid && names.includes(r.name));
  }

  ask(name: string, nodeid: number, parts: readonly Part[]): Promise<Reply> {
    if (this.#gone) return Promise.resolve(GONE);
    const { promise, resolve } = Promise.withResolvers<Reply>();
    const unique = this.#unique;
    this.#unique += 2;
    const { clock, limitsMs, send } = this.ports;
    const limitMs =
      name === "READ" ? limitsMs.read : name === "OPEN" ? limitsMs.open : limitsMs.directory;
    const sentMs = clock.monotonicMs();
    this.#waiting.set(unique, { name, nodeid, sentMs, limitMs, settle: resolve });
    send(request(name, parts, { unique, nodeid }));
    return promise;
  }

  /** The caller of a request got a signal. */
  interrupt(unique: number): void {
    if (!this.#waiting.has(unique)) return;
    this.ports.send(request("INTERRUPT", [u64(unique)], { unique: unique + 1, nodeid: 0 }));
  }

  take(bytes: Uint8Array): void {
    if (this.#gone) return;
    const message = Buffer.from(bytes);
    const { clock, violation } = this.ports;
    const unique = Number(message.readBigUInt64LE(OUT_HEADER.at.unique));
    const waiting = this.#waiting.get(unique);
    if (waiting === undefined) {
      violation("answered once", `a reply to request ${unique}, which nobody waits for`);
      return;
    }
    this.#waiting.delete(unique);
    const error = message.readInt32LE(OUT_HEADER.at.error);
    if (message.readUInt32LE(OUT_HEADER.at.len) !== message.length || error > 0) {
      violation("well-formed", `a reply to ${waiting.name} of ${message.length} bytes`);
    }
    const tookMs = clock.monotonicMs() - waiting.sentMs;
    if (tookMs > waiting.limitMs) {
      violation("answered in time", `${waiting.name} was answered after ${tookMs} ms`);
    }
    waiting.settle({ errno: -error, body: message.subarray(OUT_HEADER.sizeBytes) });
  }

  /** Looks for requests that should have been answered by now. */
  checkTimes(): void {
    const nowMs = this.ports.clock.monotonicMs();
    for (const { name, sentMs, limitMs } of this.#waiting.values()) {
      if (nowMs - sentMs <= limitMs) continue;
      this.ports.violation("answered in time", `${name} waits since ${nowMs - sentMs} ms`);
    }
  }

  /** Everything that waits fails, as does whatever is asked from now on. */
  disconnect(): void {
    this.#gone = true;
    for (const { settle } of [...this.#waiting.values()]) settle(GONE);
    this.#waiting.clear();
  }
}
