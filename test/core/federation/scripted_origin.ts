/** An origin of which a test says, call by call, what happens. */

import type { BytePath } from "../../../src/core/bytes.ts";
import { type Clock, sleep } from "../../../src/core/clock.ts";
import { OriginError, type OriginErrorCode, OwnError } from "../../../src/core/errors.ts";
import type {
  ChangeListener,
  DirEntry,
  FileStat,
  Origin,
  OriginCapabilities,
  OriginId,
  OriginType,
  ProbeResult,
  ReadOptions,
} from "../../../src/core/origins/origin.ts";

/** What a read or probe does: answer, fail, never settle even when aborted, or take a while. */
export type Behaviour =
  | { readonly kind: "ok" }
  | { readonly kind: "fail"; readonly code: OriginErrorCode }
  | { readonly kind: "throw"; readonly error: unknown }
  | { readonly kind: "hang" }
  | { readonly kind: "hang_deaf" }
  | { readonly kind: "short"; readonly bytes: number }
  | { readonly kind: "degraded"; readonly reason: string }
  | { readonly kind: "slow"; readonly ms: number; readonly then: Behaviour }
  /** Tells so many times of bytes that came, each after `ms`. */
  | {
      readonly kind: "trickle";
      readonly ms: number;
      readonly times: number;
      readonly then: Behaviour;
    };

export const ok: Behaviour = { kind: "ok" };
export const hang: Behaviour = { kind: "hang" };
export const deaf: Behaviour = { kind: "hang_deaf" };
export const fail = (code: OriginErrorCode): Behaviour => ({ kind: "fail", code });
export const slow = (ms: number, then: Behaviour = ok): Behaviour => ({ kind: "slow", ms, then });
export const trickle = (ms: number, times: number, then: Behaviour = ok): Behaviour => ({
  kind: "trickle",
  ...{ ms, times, then },
});
export const short = (bytes: number): Behaviour => ({ kind: "short", bytes });

export interface ReadCall {
  readonly atMs: number;
  readonly path: BytePath;
  readonly offsetBytes: number;
  readonly into: Uint8Array;
  readonly options: ReadOptions;
}

export class ScriptedOrigin implements Origin {
  readonly id: OriginId;
  capabilities: OriginCapabilities = {
    byteNames: true,
    mtimePrecisionMs: 1,
    maxConcurrency: 8,
    strongTokens: true,
    onThisMachine: false,
    tellsProgress: false,
  };
  /** How often its connections were dropped. */
  dropped = 0;
  /** The bytes of every file. */
  content: Uint8Array = new Uint8Array(0);
  /** Taken one after the other; then `reads`. */
  readonly nextReads: Behaviour[] = [];
  reads: Behaviour = ok;
  readonly nextProbes: Behaviour[] = [];
  probes: Behaviour = ok;
  listings: Behaviour = ok;
  readonly readCalls: ReadCall[] = [];
  readonly probeCalls: number[] = [];
  closed = 0;
  /** Operations that neither ended nor were aborted. */
  active = 0;
  readonly listeners = new Set<ChangeListener>();

  constructor(
    id: string,
    private readonly clock: Clock,
    readonly type: OriginType = "memory",
  ) {
    this.id = id as OriginId;
  }

  async read(
    path: BytePath,
    offsetBytes: number,
    into: Uint8Array,
    options: ReadOptions = {},
  ): Promise<number> {
    this.readCalls.push({ atMs: this.clock.monotonicMs(), path, offsetBytes, into, options });
    const behaviour = this.nextReads.shift() ?? this.reads;
    const end = await this.#behave(behaviour, options.signal, options.onProgress);
    const wanted = this.content.subarray(offsetBytes, offsetBytes + into.byteLength);
    const served = end.kind === "short" ? wanted.subarray(0, end.bytes) : wanted;
    into.set(served);
    return served.byteLength;
  }

  async probe(signal?: AbortSignal): Promise<ProbeResult> {
    this.probeCalls.push(this.clock.monotonicMs());
    const end = await this.#behave(this.nextProbes.shift() ?? this.probes, signal);
    return end.kind === "degraded" ? { status: "degraded", reason: end.reason } : { status: "ok" };
  }

  async *list(_directory: BytePath, signal?: AbortSignal): AsyncGenerator<readonly DirEntry[]> {
    await this.#behave(this.listings, signal);
    yield [];
  }

  stat(): Promise<FileStat> {
    return Promise.reject(new OriginError("not_found", this.id, "", "nothing here"));
  }

  watch(onChange: ChangeListener): Disposable {
    this.listeners.add(onChange);
    return { [Symbol.dispose]: () => void this.listeners.delete(onChange) };
  }

  dropConnections(): void {
    this.dropped++;
  }

  async close(): Promise<void> {
    this.closed++;
  }

  async #behave(
    behaviour: Behaviour,
    signal: AbortSignal | undefined,
    onProgress?: () => void,
  ): Promise<Behaviour> {
    switch (behaviour.kind) {
      case "fail":
        throw new OriginError(behaviour.code, this.id, "", "as the test wants it");
      case "throw":
        throw behaviour.error;
      case "hang_deaf":
        return new Promise(() => undefined);
      case "hang":
        return this.#counted(untilAborted(signal));
      case "slow":
        await this.#counted(sleep(this.clock, behaviour.ms, signal));
        return this.#behave(behaviour.then, signal);
      case "trickle":
        for (let n = 0; n < behaviour.times; n++) {
          await this.#counted(sleep(this.clock, behaviour.ms, signal));
          onProgress?.();
        }
        return this.#behave(behaviour.then, signal);
      default:
        return behaviour;
    }
  }

  async #counted<T>(operation: Promise<T>): Promise<T> {
    this.active++;
    try {
      return await operation;
    } finally {
      this.active--;
    }
  }
}

function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const cancel = () => reject(new OwnError("cancelled", "aborted by the test's caller"));
  if (signal?.aborted) cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  return promise;
}
