/**
 * Work for the reader threads, in shared memory: what may block on a local disk.
 *
 * One bounded ring per origin, many producers and consumers each (D. Vyukov's bounded MPMC queue:
 * every slot's sequence number says whose turn it is). A reader takes from the origins in turn, and
 * never from one that half of the readers work for already, so that a hung disk leaves threads for
 * the others. Idle readers sleep on a futex.
 *
 * A slot: i32 sequence, kind, fd, length, payload length, block; f64 unique, offset, fh; payload bytes.
 * The sequence is kept less the slot's number, so that zeroed memory is an empty queue and slots that
 * are never used are never touched. A payload that is longer than a slot lies in a block of the ring:
 * there are few, as every thread's garbage collector takes shared memory, all of it, for its own, and
 * lets so much more garbage gather.
 */

import { MAX_ORIGINS } from "../limits.ts";

export const JOB = {
  /** Open `payload` (a path below the origin's root) for handle `fh`, reply to `unique`. */
  open: 1,
  /** Read `lengthBytes` at `offsetBytes` from `fd` of handle `fh`, reply to `unique`. */
  read: 2,
  /** A request of the disk protocol from the main thread, answered to it under number `unique`. */
  call: 3,
  /** Fetch the heads of the files in `payload` into the page cache. Answered to nobody. */
  fetchHeads: 4,
} as const;
export type JobKind = (typeof JOB)[keyof typeof JOB];

const SLOTS = 64;
const HEADER_BYTES = 48;
const SLOT_BYTES = 512;
/** Most paths fit. */
const SHORT_BYTES = SLOT_BYTES - HEADER_BYTES;
/** Two paths of PATH_MAX and what surrounds them. */
const PAYLOAD_BYTES = 8448;
/** Payloads that are longer than a slot, of one origin, that wait at once. */
const BLOCKS = 3;
const RING_HEADER_BYTES = 64;
const BLOCKS_OFFSET = RING_HEADER_BYTES + SLOTS * SLOT_BYTES;
const RING_BYTES = BLOCKS_OFFSET + BLOCKS * PAYLOAD_BYTES;
const SHARED_HEADER_BYTES = 64;

/** Words of the shared header. */
const WAKE = 0;
const STOPPED = 1;
/** Words of a ring's header. */
const TAIL = 0;
const HEAD = 1;
const BUSY = 2;
/** From here on a word for each block: 1 while it is taken. */
const TAKEN = 3;
/** Jobs in the ring that somebody waits for. */
const AWAITED = TAKEN + BLOCKS;
/** Words of a slot. */
const SEQUENCE = 0;
const KIND = 1;
const FD = 2;
const LENGTH = 3;
const PAYLOAD_LENGTH = 4;
/** The block that holds the payload, from 1 on; 0: the slot does. */
const BLOCK = 5;
/** Doubles of a slot. */
const UNIQUE = 3;
const OFFSET = 4;
const HANDLE = 5;

/** One job; readers reuse one object. `payload` is the reader's own copy. */
export interface Job {
  kind: JobKind;
  /** Row of the origin in the routing table. */
  origin: number;
  unique: number;
  fh: number;
  fd: number;
  offsetBytes: number;
  lengthBytes: number;
  payload: Uint8Array;
}

const EMPTY = new Uint8Array(0);

export function emptyJob(): Job {
  return {
    kind: JOB.read,
    origin: 0,
    unique: 0,
    fh: -1,
    fd: -1,
    offsetBytes: 0,
    lengthBytes: 0,
    payload: EMPTY,
  };
}

/** What a wait for a job came to. */
export type WaitResult = "job" | "idle" | "stopped";

/** The largest payload `push` takes. */
export const MAX_PAYLOAD_BYTES = PAYLOAD_BYTES;

export class JobQueue {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #bytes: Uint8Array;
  #turn = 0;

  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(SHARED_HEADER_BYTES + MAX_ORIGINS * RING_BYTES);
    this.#words = new Int32Array(this.shared);
    this.#doubles = new Float64Array(this.shared);
    this.#bytes = new Uint8Array(this.shared);
  }

  /** False: the origin's ring has no room for it now, and nothing was queued. */
  push(job: Readonly<Job>): boolean {
    const payloadBytes = job.payload.byteLength;
    if (payloadBytes > PAYLOAD_BYTES) return false;
    const block = payloadBytes > SHORT_BYTES ? this.#takeBlock(job.origin) : 0;
    if (block === undefined) return false;
    if (this.#queue(job, block)) return true;
    this.#giveBlock(job.origin, block);
    return false;
  }

  #queue(job: Readonly<Job>, block: number): boolean {
    const ring = ringAt(job.origin) / 4;
    for (;;) {
      const tail = Atomics.load(this.#words, ring + TAIL);
      const slot = (tail >>> 0) % SLOTS;
      const at = slotAt(job.origin, slot);
      const difference = (Atomics.load(this.#words, at / 4 + SEQUENCE) + slot - tail) | 0;
      if (difference < 0) return false;
      if (difference > 0) continue;
      if (Atomics.compareExchange(this.#words, ring + TAIL, tail, (tail + 1) | 0) !== tail)
        continue;
      this.#write(at, job, block);
      Atomics.store(this.#words, at / 4 + SEQUENCE, (tail + 1 - slot) | 0);
      if (job.kind !== JOB.fetchHeads) Atomics.add(this.#words, ring + AWAITED, 1);
      Atomics.add(this.#words, WAKE, 1);
      Atomics.notify(this.#words, WAKE, 1);
      return true;
    }
  }

  /**
   * Takes the next job into `out`, at most `perOrigin` of one origin being worked on at a time;
   * false when there is none. Every job taken is given back with `finish`.
   */
  take(out: Job, perOrigin: number): boolean {
    for (let i = 0; i < MAX_ORIGINS; i++) {
      this.#turn = (this.#turn + 1) % MAX_ORIGINS;
      if (this.#takeFrom(this.#turn, out, perOrigin)) return true;
    }
    return false;
  }

  /** The job is done: another reader may work for its origin. */
  finish(origin: number): void {
    Atomics.sub(this.#words, ringAt(origin) / 4 + BUSY, 1);
    if (this.length(origin) > 0) {
      Atomics.add(this.#words, WAKE, 1);
      Atomics.notify(this.#words, WAKE, 1);
    }
  }

  /**
   * As `take`, but sleeps until there is a job, or for `patienceMs` at most: `idle`. `stopped` once
   * the queue was.
   */
  wait(out: Job, perOrigin: number, patienceMs = Number.POSITIVE_INFINITY): WaitResult {
    const endMs = performance.now() + patienceMs;
    for (;;) {
      const seen = Atomics.load(this.#words, WAKE);
      if (Atomics.load(this.#words, STOPPED) === 1) return "stopped";
      if (this.take(out, perOrigin)) return "job";
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) return "idle";
      Atomics.wait(this.#words, WAKE, seen, leftMs);
    }
  }

  /** Wakes every reader for the last time. Jobs still queued are left. */
  stop(): void {
    Atomics.store(this.#words, STOPPED, 1);
    Atomics.add(this.#words, WAKE, 1);
    Atomics.notify(this.#words, WAKE);
  }

  /** Jobs of an origin waiting to be taken. */
  length(origin: number): number {
    const ring = ringAt(origin) / 4;
    return (Atomics.load(this.#words, ring + TAIL) - Atomics.load(this.#words, ring + HEAD)) | 0;
  }

  /** Whether somebody waits for a job of an origin that waits to be taken. */
  isAwaited(origin: number): boolean {
    return Atomics.load(this.#words, ringAt(origin) / 4 + AWAITED) > 0;
  }

  /** Jobs of an origin being worked on. */
  busy(origin: number): number {
    return Atomics.load(this.#words, ringAt(origin) / 4 + BUSY);
  }

  #takeFrom(origin: number, out: Job, perOrigin: number): boolean {
    const busy = ringAt(origin) / 4 + BUSY;
    while (this.length(origin) > 0) {
      if (Atomics.add(this.#words, busy, 1) < perOrigin) {
        if (this.#pop(origin, out)) return true;
        Atomics.sub(this.#words, busy, 1);
        return false;
      }
      // Another reader that looked at the same moment may have made it seem full.
      if (Atomics.sub(this.#words, busy, 1) - 1 >= perOrigin) return false;
    }
    return false;
  }

  #pop(origin: number, out: Job): boolean {
    const ring = ringAt(origin) / 4;
    for (;;) {
      const head = Atomics.load(this.#words, ring + HEAD);
      const slot = (head >>> 0) % SLOTS;
      const at = slotAt(origin, slot);
      const difference = (Atomics.load(this.#words, at / 4 + SEQUENCE) + slot - (head + 1)) | 0;
      if (difference < 0) return false;
      if (difference > 0) continue;
      if (Atomics.compareExchange(this.#words, ring + HEAD, head, (head + 1) | 0) !== head)
        continue;
      out.origin = origin;
      this.#read(at, out);
      if (out.kind !== JOB.fetchHeads) Atomics.sub(this.#words, ring + AWAITED, 1);
      Atomics.store(this.#words, at / 4 + SEQUENCE, (head + SLOTS - slot) | 0);
      return true;
    }
  }

  /** A free block's number; undefined while all are taken. */
  #takeBlock(origin: number): number | undefined {
    const first = ringAt(origin) / 4 + TAKEN;
    for (let block = 0; block < BLOCKS; block++) {
      if (Atomics.compareExchange(this.#words, first + block, 0, 1) === 0) return block + 1;
    }
    return undefined;
  }

  #giveBlock(origin: number, block: number): void {
    if (block > 0) Atomics.store(this.#words, ringAt(origin) / 4 + TAKEN + block - 1, 0);
  }

  #write(at: number, job: Readonly<Job>, block: number): void {
    const words = at / 4;
    const doubles = at / 8;
    this.#words[words + KIND] = job.kind;
    this.#words[words + FD] = job.fd;
    this.#words[words + LENGTH] = job.lengthBytes;
    this.#words[words + PAYLOAD_LENGTH] = job.payload.byteLength;
    this.#words[words + BLOCK] = block;
    this.#doubles[doubles + UNIQUE] = job.unique;
    this.#doubles[doubles + OFFSET] = job.offsetBytes;
    this.#doubles[doubles + HANDLE] = job.fh;
    this.#bytes.set(job.payload, payloadAt(job.origin, block, at));
  }

  #read(at: number, out: Job): void {
    const words = at / 4;
    const doubles = at / 8;
    out.kind = (this.#words[words + KIND] ?? 0) as JobKind;
    out.fd = this.#words[words + FD] ?? -1;
    out.lengthBytes = this.#words[words + LENGTH] ?? 0;
    out.unique = this.#doubles[doubles + UNIQUE] ?? 0;
    out.offsetBytes = this.#doubles[doubles + OFFSET] ?? 0;
    out.fh = this.#doubles[doubles + HANDLE] ?? -1;
    const length = this.#words[words + PAYLOAD_LENGTH] ?? 0;
    const block = this.#words[words + BLOCK] ?? 0;
    const from = payloadAt(out.origin, block, at);
    out.payload = length === 0 ? EMPTY : this.#bytes.slice(from, from + length);
    this.#giveBlock(out.origin, block);
  }
}

function ringAt(origin: number): number {
  return SHARED_HEADER_BYTES + origin * RING_BYTES;
}

function slotAt(origin: number, slot: number): number {
  return ringAt(origin) + RING_HEADER_BYTES + slot * SLOT_BYTES;
}

function payloadAt(origin: number, block: number, slot: number): number {
  if (block === 0) return slot + HEADER_BYTES;
  return ringAt(origin) + BLOCKS_OFFSET + (block - 1) * PAYLOAD_BYTES;
}
