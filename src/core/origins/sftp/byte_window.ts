/**
 * How many bytes may be asked for and not yet be there. Who comes first is served first, so that a
 * large read cannot starve behind small ones and what is queued after it is sent after it.
 */

interface Waiting {
  readonly bytes: number;
  readonly start: () => void;
}

export class ByteWindow {
  readonly #capacityBytes: number;
  readonly #queue = new Set<Waiting>();
  #usedBytes = 0;
  #advancing = false;

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Calls `start` as soon as `bytes` fit, at once if they do now; more than the whole window fits
   * when nothing else is under way. {@link release} gives them back. The answer takes the request
   * out of the queue; once started it does nothing.
   */
  enter(bytes: number, start: () => void): Disposable {
    const waiting = { bytes, start };
    this.#queue.add(waiting);
    this.#advance();
    return {
      [Symbol.dispose]: () => {
        if (this.#queue.delete(waiting)) this.#advance();
      },
    };
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
    this.#advance();
  }

  /** What `start` enters or releases is seen by the loop already running: no recursion. */
  #advance(): void {
    if (this.#advancing) return;
    this.#advancing = true;
    try {
      for (const next of this.#queue) {
        const fits = this.#usedBytes === 0 || this.#usedBytes + next.bytes <= this.#capacityBytes;
        if (!fits) return;
        this.#queue.delete(next);
        this.#usedBytes += next.bytes;
        next.start();
      }
    } finally {
      this.#advancing = false;
    }
  }
}
