/**
 * A run of blocks on its way from the origins into memory, once for however many want it. It goes
 * on for as long as anybody does: who started it may leave.
 */

import type { FetchedBytes, ReadOutcome } from "../federation/file.ts";

/** The blocks `first` to `end` - 1 of a file. */
export interface BlockRun {
  readonly first: number;
  readonly end: number;
}

export interface BlockFetchPorts {
  /** Reads all of the run's bytes; rejects soon after an abort. */
  readonly read: (signal: AbortSignal) => Promise<FetchedBytes>;
  /** They are here. Called before anybody who waits goes on. */
  readonly onArrived: (fetch: BlockFetch, outcome: ReadOutcome) => void;
  /** They will not come: the read failed, or nobody wants them any more. Called once. */
  readonly onLost: (fetch: BlockFetch) => void;
}

const NO_BYTES = new Uint8Array(0);

export class BlockFetch {
  /** Resolves when the bytes are here or will not come; never rejects. */
  readonly settled: Promise<void>;
  readonly #abort = new AbortController();
  #wanters = 0;
  /** Until nobody holds or wants them any more. */
  #fetched: FetchedBytes | undefined;
  #outcome: ReadOutcome | undefined;
  #error: unknown;
  #isSettled = false;
  #isLost = false;
  #isHeld = true;

  /** Starts at once; the caller says at once that it is wanted. */
  constructor(
    readonly run: BlockRun,
    /** As long as the run. */
    readonly lengthBytes: number,
    private readonly ports: BlockFetchPorts,
  ) {
    this.settled = this.#read();
  }

  /** How the bytes came; undefined while they have not. */
  get outcome(): ReadOutcome | undefined {
    return this.#outcome;
  }

  /** The bytes; empty unless they came and are held or wanted. */
  get bytes(): Uint8Array {
    return this.#fetched?.bytes ?? NO_BYTES;
  }

  /** Why they did not come. */
  get error(): unknown {
    return this.#error;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Wanted until disposed; the bytes stay where they are for as long. */
  want(): Disposable {
    let wants = true;
    this.#wanters++;
    return {
      [Symbol.dispose]: () => {
        if (!wants) return;
        wants = false;
        this.#wanters--;
        if (this.#wanters > 0) return;
        if (this.#isSettled) this.#freeUnused();
        else this.#lose(() => this.#abort.abort("nobody waits for it"));
      },
    };
  }

  /** The bytes are held no longer for whoever may come. */
  letGo(): void {
    this.#isHeld = false;
    this.#freeUnused();
  }

  async #read(): Promise<void> {
    try {
      this.#fetched = await this.ports.read(this.#abort.signal);
      this.#isSettled = true;
      if (this.#isLost) {
        this.#freeUnused();
        return;
      }
      this.#outcome = this.#fetched.outcome;
      this.ports.onArrived(this, this.#outcome);
    } catch (error) {
      this.#isSettled = true;
      this.#error = error;
      this.#lose();
      this.#freeUnused();
    }
  }

  #lose(how?: () => void): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#isHeld = false;
    this.ports.onLost(this);
    how?.();
  }

  #freeUnused(): void {
    if (!this.#isSettled || this.#isHeld || this.#wanters > 0) return;
    this.#fetched?.[Symbol.dispose]();
    this.#fetched = undefined;
  }
}
