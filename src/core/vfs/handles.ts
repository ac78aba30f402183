/**
 * Open files, in memory that all threads share: one row a handle.
 *
 * The FUSE thread makes and frees handles; a reader thread or the main thread completes one whose
 * OPEN it took over. Between those, a row belongs to whoever answers the handle's current request;
 * the kernel sends RELEASE only when no READ of the handle is under way.
 *
 * `fh` = row + generation * MAX_OPEN_HANDLES, so that a stale `fh` is recognised.
 */

import { MAX_OPEN_HANDLES } from "../limits.ts";
import type { StatxView } from "../sys/statx.ts";

/** Int32 columns. */
const STATE = 0;
const GENERATION = 1;
const FD = 2;
const ORIGIN = 3;
const EPOCH = 4;
const FLAGS = 5;
const MTIME_NSEC = 6;
const CTIME_NSEC = 7;
const SEAM = 8;
const READS = 9;
const INT_COLUMNS = 10;

/** Float64 columns. */
const VERSION = 0;
const SIZE = 1;
const INODE = 2;
const MTIME_SEC = 3;
const CTIME_SEC = 4;
const SERVED = 5;
const DEVICE = 6;
const DOUBLE_COLUMNS = 8;

const INT_BYTES = MAX_OPEN_HANDLES * INT_COLUMNS * 4;
const DOUBLE_BYTES = MAX_OPEN_HANDLES * DOUBLE_COLUMNS * 8;
/** Behind them an int32 for each bucket of versions: how many handles are open on those. */
const BUCKETS = MAX_OPEN_HANDLES;

const FREE = 0;
const TAKEN = 1;

/** The main thread keeps something for this handle and wants to hear of its end. */
export const HANDLE_KNOWN_TO_MAIN = 1;
/** Nobody knows yet whether another replica is the same: it may be worth a fingerprint. */
export const HANDLE_HAS_REPLICAS = 2;
/** A third of the file was served, and the main thread told. */
export const HANDLE_WORTH_FINGERPRINT = 4;

/** How often a row may be used again before its `fh` repeats. */
const GENERATIONS = 2 ** 30;

export class HandleTable {
  readonly shared: SharedArrayBuffer;
  readonly #ints: Int32Array;
  readonly #doubles: Float64Array;
  readonly #buckets: Int32Array;
  #next = 0;

  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(INT_BYTES + DOUBLE_BYTES + BUCKETS * 4);
    this.#ints = new Int32Array(this.shared, 0, MAX_OPEN_HANDLES * INT_COLUMNS);
    this.#doubles = new Float64Array(this.shared, INT_BYTES, MAX_OPEN_HANDLES * DOUBLE_COLUMNS);
    this.#buckets = new Int32Array(this.shared, INT_BYTES + DOUBLE_BYTES, BUCKETS);
  }

  /** A new handle without a descriptor; -1 when MAX_OPEN_HANDLES are open. */
  allocate(version: number, sizeBytes: number): number {
    for (let tried = 0; tried < MAX_OPEN_HANDLES; tried++) {
      const row = this.#next;
      this.#next = (this.#next + 1) % MAX_OPEN_HANDLES;
      const at = row * INT_COLUMNS;
      if (Atomics.compareExchange(this.#ints, at + STATE, FREE, TAKEN) !== FREE) continue;
      const generation = ((this.#ints[at + GENERATION] ?? 0) + 1) % GENERATIONS;
      this.#ints[at + GENERATION] = generation;
      this.#ints[at + FD] = -1;
      this.#ints[at + ORIGIN] = -1;
      this.#ints[at + EPOCH] = -1;
      this.#ints[at + FLAGS] = 0;
      this.#ints[at + SEAM] = -1;
      this.#ints[at + READS] = 0;
      const doubles = row * DOUBLE_COLUMNS;
      this.#doubles[doubles + VERSION] = version;
      this.#doubles[doubles + SIZE] = sizeBytes;
      this.#doubles[doubles + SERVED] = 0;
      Atomics.add(this.#buckets, version % BUCKETS, 1);
      return row + generation * MAX_OPEN_HANDLES;
    }
    return -1;
  }

  /** True for a handle that is open; false for one that never was or is closed by now. */
  isOpen(fh: number): boolean {
    if (fh < 0) return false;
    const at = (fh % MAX_OPEN_HANDLES) * INT_COLUMNS;
    return (
      Atomics.load(this.#ints, at + STATE) === TAKEN &&
      this.#ints[at + GENERATION] === Math.floor(fh / MAX_OPEN_HANDLES)
    );
  }

  /** Makes the row free. The caller has closed the descriptor. */
  free(fh: number): void {
    if (!this.isOpen(fh)) return;
    Atomics.sub(this.#buckets, this.version(fh) % BUCKETS, 1);
    Atomics.store(this.#ints, this.#int(fh, STATE), FREE);
  }

  /** True when no other handle of its version is open. May be false all the same: versions share buckets. */
  isAlone(fh: number): boolean {
    return Atomics.load(this.#buckets, this.version(fh) % BUCKETS) === 1;
  }

  /** Binds a descriptor, with what fstat says of it, chosen under `epoch` of the routing table. */
  bind(fh: number, fd: number, origin: number, epoch: number, stat: StatxView): void {
    const doubles = this.#row(fh) * DOUBLE_COLUMNS;
    this.#doubles[doubles + INODE] = stat.inode;
    this.#doubles[doubles + DEVICE] = stat.device;
    this.#doubles[doubles + MTIME_SEC] = stat.mtimeSec;
    this.#doubles[doubles + CTIME_SEC] = stat.ctimeSec;
    this.#ints[this.#int(fh, MTIME_NSEC)] = stat.mtimeNsec;
    this.#ints[this.#int(fh, CTIME_NSEC)] = stat.ctimeNsec;
    this.#ints[this.#int(fh, ORIGIN)] = origin;
    this.#ints[this.#int(fh, EPOCH)] = epoch;
    Atomics.store(this.#ints, this.#int(fh, FD), fd);
  }

  /**
   * True when fstat still says what it said when the descriptor was bound. Unlinking moves ctime,
   * too: a file that was replaced by another reads on until it is closed, as on any file system.
   */
  unchanged(fh: number, stat: StatxView): boolean {
    const doubles = this.#row(fh) * DOUBLE_COLUMNS;
    const sameCtime =
      this.#doubles[doubles + CTIME_SEC] === stat.ctimeSec &&
      this.#ints[this.#int(fh, CTIME_NSEC)] === stat.ctimeNsec;
    return (
      (sameCtime || stat.links === 0) &&
      this.#doubles[doubles + SIZE] === stat.sizeBytes &&
      this.#doubles[doubles + INODE] === stat.inode &&
      this.#doubles[doubles + DEVICE] === stat.device &&
      this.#doubles[doubles + MTIME_SEC] === stat.mtimeSec &&
      this.#ints[this.#int(fh, MTIME_NSEC)] === stat.mtimeNsec
    );
  }

  /** -1 without one: reads go through the main thread. */
  fd(fh: number): number {
    return Atomics.load(this.#ints, this.#int(fh, FD));
  }

  /** Row of the origin in the routing table that `fd` belongs to. */
  origin(fh: number): number {
    return this.#ints[this.#int(fh, ORIGIN)] ?? -1;
  }

  epoch(fh: number): number {
    return this.#ints[this.#int(fh, EPOCH)] ?? -1;
  }

  setEpoch(fh: number, epoch: number): void {
    this.#ints[this.#int(fh, EPOCH)] = epoch;
  }

  version(fh: number): number {
    return this.#doubles[this.#row(fh) * DOUBLE_COLUMNS + VERSION] ?? 0;
  }

  sizeBytes(fh: number): number {
    return this.#doubles[this.#row(fh) * DOUBLE_COLUMNS + SIZE] ?? 0;
  }

  /** Bytes answered to READs of this handle so far. */
  addServed(fh: number, bytes: number): number {
    const at = this.#row(fh) * DOUBLE_COLUMNS + SERVED;
    const served = (this.#doubles[at] ?? 0) + bytes;
    this.#doubles[at] = served;
    return served;
  }

  hasFlag(fh: number, flag: number): boolean {
    return (Atomics.load(this.#ints, this.#int(fh, FLAGS)) & flag) !== 0;
  }

  setFlag(fh: number, flag: number): void {
    Atomics.or(this.#ints, this.#int(fh, FLAGS), flag);
  }

  /** The main thread gets a READ for somebody who may go away meanwhile. */
  readBegun(fh: number): void {
    Atomics.add(this.#ints, this.#int(fh, READS), 1);
  }

  /** Such a READ is going to be answered: afterwards the row may be another handle's. */
  readEnded(fh: number): void {
    if (this.isOpen(fh)) Atomics.sub(this.#ints, this.#int(fh, READS), 1);
  }

  /** Whether any such READ is under way. */
  isRead(fh: number): boolean {
    return Atomics.load(this.#ints, this.#int(fh, READS)) > 0;
  }

  /** The handle's slot in the seam pool, -1 without. */
  seamSlot(fh: number): number {
    return this.#ints[this.#int(fh, SEAM)] ?? -1;
  }

  setSeamSlot(fh: number, slot: number): void {
    this.#ints[this.#int(fh, SEAM)] = slot;
  }

  /** Open handles; walks the table, so for tests and status only. */
  openCount(): number {
    let open = 0;
    for (let row = 0; row < MAX_OPEN_HANDLES; row++) {
      if (Atomics.load(this.#ints, row * INT_COLUMNS + STATE) === TAKEN) open++;
    }
    return open;
  }

  #row(fh: number): number {
    return fh % MAX_OPEN_HANDLES;
  }

  #int(fh: number, column: number): number {
    return (fh % MAX_OPEN_HANDLES) * INT_COLUMNS + column;
  }
}
