/** What was fetched of a new version so far: each byte once. */

import { OwnError } from "../../errors.ts";

/** Fills `into` with the new version's bytes from `offsetBytes` on; rejects as `FetchFile`. */
export type FetchBytes = (offsetBytes: number, into: Uint8Array) => Promise<void>;

/** Bytes `from` to `end` - 1. */
export interface Extent {
  readonly from: number;
  readonly end: number;
}

interface Fetched extends Extent {
  readonly bytes: Uint8Array;
}

export class NewBytes {
  /** In order, without overlaps. */
  #fetched: Fetched[] = [];
  #fetchedBytes = 0;

  /** Rejects with OwnError `cache`, before anything is fetched, beyond `budgetBytes` in all. */
  constructor(
    readonly sizeBytes: number,
    readonly budgetBytes: number,
    private readonly fetch: FetchBytes,
  ) {}

  get fetchedBytes(): number {
    return this.#fetchedBytes;
  }

  /** All that is here, in order; neighbours are one. */
  extents(): readonly Extent[] {
    const extents: Extent[] = [];
    for (const { from, end } of this.#fetched) {
      const last = extents.at(-1);
      if (last?.end === from) extents[extents.length - 1] = { from: last.from, end };
      else extents.push({ from, end });
    }
    return extents;
  }

  /** The bytes of the extent; what is missing of it is fetched. */
  async get(extent: Extent): Promise<Uint8Array> {
    for (const gap of this.missing(extent)) {
      const lengthBytes = gap.end - gap.from;
      if (this.#fetchedBytes + lengthBytes > this.budgetBytes) {
        throw new OwnError("cache", `more than ${this.budgetBytes} bytes of it would be fetched`);
      }
      const bytes = new Uint8Array(lengthBytes);
      this.#fetchedBytes += lengthBytes;
      await this.fetch(gap.from, bytes);
      this.#fetched.push({ ...gap, bytes });
    }
    this.#fetched.sort((a, b) => a.from - b.from);
    return this.#copy(extent);
  }

  /** The parts of the extent that are not here. */
  missing({ from, end }: Extent): readonly Extent[] {
    const gaps: Extent[] = [];
    let at = from;
    for (const known of this.#fetched) {
      if (known.end <= at || known.from >= end) continue;
      if (known.from > at) gaps.push({ from: at, end: known.from });
      at = known.end;
    }
    if (at < end) gaps.push({ from: at, end });
    return gaps;
  }

  #copy({ from, end }: Extent): Uint8Array {
    const copy = new Uint8Array(end - from);
    for (const known of this.#fetched) {
      if (known.end <= from || known.from >= end) continue;
      const first = Math.max(from, known.from);
      const last = Math.min(end, known.end);
      copy.set(known.bytes.subarray(first - known.from, last - known.from), first - from);
    }
    return copy;
  }
}
