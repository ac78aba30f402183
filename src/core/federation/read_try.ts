/**
 * One try of one read at one origin, which ends for its reader whether or not the origin does. An
 * origin that was given up may still write into the buffer of its try, so no try writes into the
 * reader's memory: each has a buffer of its own, copied from when it wins and given back only after
 * the origin answered.
 */

import { displayPath } from "../bytes.ts";
import type { Replica } from "../catalog/catalog.ts";
import type { Clock } from "../clock.ts";
import { OriginError } from "../errors.ts";
import type { Origin } from "../origins/origin.ts";
import type { ReadBuffers } from "../read_buffers.ts";

export interface TryRequest {
  readonly origin: Origin;
  readonly replica: Replica;
  readonly offsetBytes: number;
  /** Bytes that the file has there: fewer in the answer are a failure. */
  readonly lengthBytes: number;
  /** As `ReadOptions.background`. Default false. */
  readonly background?: boolean;
  /** Runs before the read; its rejection is the try's. */
  readonly verify?: (signal: AbortSignal) => Promise<void>;
  /** As `ReadOptions.onProgress`. */
  readonly onProgress?: () => void;
}

export class ReadTry {
  /** Monotonic. */
  readonly startedMs: number;
  readonly #controller = new AbortController();
  #bytes: Uint8Array | undefined;
  #error: unknown;
  /** Monotonic: when the origin was asked; undefined while the try waits for its turn there. */
  #askedMs: number | undefined;
  #waited = false;
  #latencyMs = 0;
  #settled = false;
  #abandoned = false;

  /** Starts at once; calls `onSettled` when it ended, unless it was abandoned before. */
  constructor(
    readonly request: TryRequest,
    private readonly clock: Clock,
    private readonly buffers: ReadBuffers,
    onSettled: () => void,
  ) {
    this.startedMs = clock.monotonicMs();
    this.#askedMs = this.startedMs;
    void this.#run().then(() => {
      this.#settled = true;
      if (this.#abandoned) this.#giveBack();
      else onSettled();
    });
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** The bytes, `lengthBytes` of them; undefined when the try failed. Valid until `abandon`. */
  get bytes(): Uint8Array | undefined {
    return this.#bytes;
  }

  /** Why the try failed; meaningless unless it did. */
  get error(): unknown {
    return this.#error;
  }

  /** Monotonic: when the origin was asked, as far as it was: a try may wait for its turn first. */
  get askedMs(): number {
    return this.#askedMs ?? this.startedMs;
  }

  /**
   * True when the origin was asked for long enough to count as silent: a try that had to wait for
   * its turn says nothing of the origin until it had that for `patienceMs`.
   */
  hadItsChance(patienceMs: number): boolean {
    if (!this.#waited) return true;
    return this.#askedMs !== undefined && this.clock.monotonicMs() - this.#askedMs >= patienceMs;
  }

  /**
   * From the request for the data to their arrival, neither a check of seams before it nor the wait
   * for a turn included.
   */
  get latencyMs(): number {
    return this.#latencyMs;
  }

  /** Ends the try; its buffer is used again once the origin has answered. Idempotent. */
  abandon(): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    if (this.#settled) this.#giveBack();
    else this.#controller.abort();
  }

  async #run(): Promise<void> {
    const { origin, replica, offsetBytes, lengthBytes } = this.request;
    const { verify, onProgress, background = false } = this.request;
    const { signal } = this.#controller;
    const bytes = this.buffers.take(lengthBytes);
    try {
      if (verify) await verify(signal);
      let askedMs = this.clock.monotonicMs();
      const version = replica.originVersion;
      const read = await origin.read(replica.path, offsetBytes, bytes, {
        version,
        signal,
        background,
        onWaiting: (isWaiting) => {
          this.#waited = true;
          askedMs = this.clock.monotonicMs();
          this.#askedMs = isWaiting ? undefined : askedMs;
        },
        onProgress,
      });
      this.#latencyMs = this.clock.monotonicMs() - askedMs;
      if (read !== lengthBytes) {
        const message = `answered ${read} of ${lengthBytes} bytes at ${offsetBytes}`;
        throw new OriginError("short_read", origin.id, displayPath(replica.path), message);
      }
      this.#bytes = bytes;
    } catch (error) {
      // The buffer is left to the collector: whoever failed to answer may still write into it.
      this.#error = error;
    }
  }

  #giveBack(): void {
    if (this.#bytes) this.buffers.give(this.#bytes);
    this.#bytes = undefined;
  }
}
