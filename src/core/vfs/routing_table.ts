/**
 * The routing order as every thread sees it: a SharedArrayBuffer that the main thread writes and
 * the FUSE thread reads before each read, since nothing can be posted to a thread that is blocked
 * in a system call.
 *
 * The epoch grows with every change that may alter which origin a read goes to. A handle keeps the
 * epoch under which its origin was chosen; while the two agree nothing needs to be looked up.
 */

import { MAX_ORIGINS } from "../limits.ts";
import type { OriginId } from "../origins/origin.ts";

const EPOCH = 0;
const IDS_GENERATION = 1;
const HEADER_WORDS = 2;

/** Words of one origin's row. */
const RANK = 0;
const USABLE = 1;
const ROOT_FD = 2;
const ROW_WORDS = 4;

/** Counters of one origin, in doubles: they pass 2^32. */
export const COUNTER = { reads: 0, bytes: 1, failures: 2 } as const;
const COUNTERS = 4;

const ID_BYTES = 64;

const WORDS = HEADER_WORDS + MAX_ORIGINS * ROW_WORDS;
const COUNTER_OFFSET = Math.ceil((WORDS * 4) / 8) * 8;
const ID_OFFSET = COUNTER_OFFSET + MAX_ORIGINS * COUNTERS * 8;

/** The row's rank while no origin is in it. */
const VACANT = -1;

export class RoutingTable {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #counters: Float64Array;
  readonly #ids: Uint8Array;
  /** This thread's reading of the ids, and the generation it was read at. */
  #indexes = new Map<OriginId, number>();
  #names: (OriginId | undefined)[] = [];
  #seenGeneration = -1;

  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(ID_OFFSET + MAX_ORIGINS * ID_BYTES);
    this.#words = new Int32Array(this.shared, 0, WORDS);
    this.#counters = new Float64Array(this.shared, COUNTER_OFFSET, MAX_ORIGINS * COUNTERS);
    this.#ids = new Uint8Array(this.shared, ID_OFFSET, MAX_ORIGINS * ID_BYTES);
    if (shared === undefined) {
      for (let index = 0; index < MAX_ORIGINS; index++) this.#set(index, RANK, VACANT);
    }
  }

  get epoch(): number {
    return Atomics.load(this.#words, EPOCH);
  }

  /** Place in the routing order, 0 first; -1 for an origin that is not there. */
  rank(index: number): number {
    return this.#get(index, RANK);
  }

  /** Not unhealthy, not disabled. */
  usable(index: number): boolean {
    return this.#get(index, USABLE) === 1;
  }

  /** Descriptor of a local origin's root that any thread may open files under; -1 without one. */
  rootFd(index: number): number {
    return this.#get(index, ROOT_FD);
  }

  indexOf(id: OriginId): number {
    this.#refresh();
    return this.#indexes.get(id) ?? -1;
  }

  idOf(index: number): OriginId | undefined {
    this.#refresh();
    return this.#names[index];
  }

  count(index: number, counter: keyof typeof COUNTER, amount: number): void {
    const at = index * COUNTERS + COUNTER[counter];
    // Several threads add without a lock: a lost increment is a counter off by one, never worse.
    this.#counters[at] = (this.#counters[at] ?? 0) + amount;
  }

  counter(index: number, counter: keyof typeof COUNTER): number {
    return this.#counters[index * COUNTERS + COUNTER[counter]] ?? 0;
  }

  /** Main thread only. The row of an origin, made if there is none; throws when the table is full. */
  claim(id: OriginId): number {
    const known = this.indexOf(id);
    if (known >= 0) return known;
    const encoded = new TextEncoder().encode(id);
    if (encoded.byteLength > ID_BYTES) throw new RangeError(`origin id ${id} is too long`);
    for (let index = 0; index < MAX_ORIGINS; index++) {
      if (this.rank(index) !== VACANT) continue;
      this.#ids.fill(0, index * ID_BYTES, (index + 1) * ID_BYTES);
      this.#ids.set(encoded, index * ID_BYTES);
      this.#counters.fill(0, index * COUNTERS, (index + 1) * COUNTERS);
      this.#set(index, ROOT_FD, -1);
      this.#set(index, USABLE, 0);
      this.#set(index, RANK, MAX_ORIGINS);
      Atomics.add(this.#words, IDS_GENERATION, 1);
      return index;
    }
    throw new RangeError(`more than ${MAX_ORIGINS} origins`);
  }

  /** Main thread only. */
  vacate(id: OriginId): void {
    const index = this.indexOf(id);
    if (index < 0) return;
    this.#set(index, USABLE, 0);
    this.#set(index, ROOT_FD, -1);
    this.#set(index, RANK, VACANT);
    Atomics.add(this.#words, IDS_GENERATION, 1);
    this.bumpEpoch();
  }

  /** Main thread only. */
  setRootFd(index: number, fd: number): void {
    this.#set(index, ROOT_FD, fd);
    this.bumpEpoch();
  }

  /** Main thread only. The whole order at once; origins not named go last and are not usable. */
  publish(order: readonly { readonly id: OriginId; readonly usable: boolean }[]): void {
    const ranks = new Map(
      order.map(({ id, usable }, rank) => [this.indexOf(id), { rank, usable }]),
    );
    for (let index = 0; index < MAX_ORIGINS; index++) {
      if (this.rank(index) === VACANT) continue;
      const { rank, usable } = ranks.get(index) ?? { rank: MAX_ORIGINS, usable: false };
      this.#set(index, RANK, rank);
      this.#set(index, USABLE, usable ? 1 : 0);
    }
    this.bumpEpoch();
  }

  /** Makes every handle look at the order again. */
  bumpEpoch(): void {
    Atomics.add(this.#words, EPOCH, 1);
  }

  #get(index: number, word: number): number {
    return Atomics.load(this.#words, HEADER_WORDS + index * ROW_WORDS + word);
  }

  #set(index: number, word: number, value: number): void {
    Atomics.store(this.#words, HEADER_WORDS + index * ROW_WORDS + word, value);
  }

  #refresh(): void {
    const generation = Atomics.load(this.#words, IDS_GENERATION);
    if (generation === this.#seenGeneration) return;
    this.#seenGeneration = generation;
    this.#indexes = new Map();
    this.#names = [];
    for (let index = 0; index < MAX_ORIGINS; index++) {
      if (this.rank(index) === VACANT) continue;
      const bytes = this.#ids.slice(index * ID_BYTES, (index + 1) * ID_BYTES);
      const end = bytes.indexOf(0);
      const id = new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end)) as OriginId;
      this.#indexes.set(id, index);
      this.#names[index] = id;
    }
  }
}
