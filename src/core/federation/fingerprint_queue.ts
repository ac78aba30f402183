/**
 * Finds out in the background which replicas of a file are the same: by fingerprint, or by the hash
 * of the whole file where only proved replicas may stand in. One file at a time, one slice at a
 * time, and while reads are under way each slice waits a little for them.
 *
 * A slice that its origin does not answer is waited for without holding up the others: files that
 * need nothing of such an origin go on meanwhile. So there are never more files under way than
 * origins, and one more.
 */

import type { Replica } from "../catalog/catalog.ts";
import { type Clock, sleep } from "../clock.ts";
import type { FailoverPolicy } from "../config/config.ts";
import { isOriginFailure, OriginError } from "../errors.ts";
import { FINGERPRINT_QUEUE_FILES } from "../limits.ts";
import type { Origin, OriginId } from "../origins/origin.ts";
import { ReadBuffers } from "../read_buffers.ts";
import type { FederatedFile } from "./file.ts";
import { fingerprint, type Region, wholeSha256 } from "./fingerprint.ts";
import { ReadTry } from "./read_try.ts";

/** Where findings about replicas go; a `CatalogWriter` or something around it. */
export interface ReplicaFindings {
  setFingerprint(version: number, fingerprint: string): Promise<unknown>;
  setSha256(version: number, sha256: string): Promise<unknown>;
  setDifferent(version: number, other: number): Promise<unknown>;
}

export interface FingerprintPorts {
  readonly clock: Clock;
  readonly policy: FailoverPolicy;
  readonly findings: ReplicaFindings;
  /** The origin if it is enabled and not unhealthy. */
  readonly usableOrigin: (id: OriginId) => Origin | undefined;
  /** True while readers wait. */
  readonly isBusy: () => boolean;
  readonly onOriginFailure: (origin: Origin, error: unknown, startedMs: number) => void;
  /** What nobody waits for went wrong: reading a replica, or telling the catalog. */
  readonly onError: (error: unknown) => void;
}

/** How long a slice waits for readers: at most this many times this long. */
const YIELD_MS = 50;
const YIELDS = 20;

/** A slice not read within this time is given up ... */
const SLICE_TIMEOUT_MS = 30_000;
/** ... and within this, others have their turn. */
const SLICE_PATIENCE_MS = 2000;

export class FingerprintQueue {
  /** Files to look at, by version, oldest first. */
  readonly #waiting = new Map<number, FederatedFile>();
  readonly #buffers = new ReadBuffers();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  /** Files under way: one, and those that wait for an origin that does not answer. */
  readonly #working = new Set<Promise<void>>();
  /** Origins that do not answer, by the slices that wait for them. */
  readonly #silent = new Map<symbol, OriginId>();
  /** Resolves when another file may have to begin, though none has ended. */
  #wake = Promise.withResolvers<void>();
  /** Resolves when the slice that has the turn is read, or its origin does not answer. */
  #turn: Promise<void> = Promise.resolve();
  /** Each stops waiting for a slice that is being read. */
  readonly #endSlices = new Set<() => void>();

  constructor(private readonly ports: FingerprintPorts) {}

  /**
   * Has the replicas of the file compared some time. Does nothing when there is nothing to find
   * out, when the file waits already, or when FINGERPRINT_QUEUE_FILES others do.
   */
  add(file: FederatedFile): void {
    if (this.#stop.signal.aborted || this.#waiting.size >= FINGERPRINT_QUEUE_FILES) return;
    if (this.#waiting.has(file.version) || this.#undecided(file, file.replicas()).length === 0) {
      return;
    }
    this.#waiting.set(file.version, file);
    this.#wake.resolve();
    this.#running ??= this.#run();
  }

  /** Gives up what runs and waits; resolves when nothing of it is left. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    for (const end of this.#endSlices) end();
    this.#waiting.clear();
    await this.#running;
  }

  /** Files that wait, those under way not among them. */
  get size(): number {
    return this.#waiting.size;
  }

  async #run(): Promise<void> {
    while (this.#waiting.size + this.#working.size > 0) {
      const file = this.#silent.size === this.#working.size ? this.#next() : undefined;
      if (file !== undefined) this.#begin(file);
      this.#wake = Promise.withResolvers<void>();
      await Promise.race([...this.#working, this.#wake.promise]);
    }
    this.#running = undefined;
  }

  #begin(file: FederatedFile): void {
    this.#waiting.delete(file.version);
    const work = this.#examine(file)
      // The catalog cannot be read; the other files still have their turn.
      .catch((error: unknown) => this.ports.onError(error))
      .finally(() => this.#working.delete(work));
    this.#working.add(work);
  }

  /** The oldest file that needs nothing of an origin that does not answer. */
  #next(): FederatedFile | undefined {
    const silent = new Set(this.#silent.values());
    for (const file of this.#waiting.values()) {
      if (silent.size === 0) return file;
      try {
        if (!file.replicas().some(({ origin }) => silent.has(origin))) return file;
      } catch {
        // Its turn tells.
        return file;
      }
    }
    return undefined;
  }

  async #examine(file: FederatedFile): Promise<void> {
    const replicas = file.replicas();
    const undecided = this.#undecided(file, replicas);
    if (undecided.length === 0) return;
    const own = replicas.filter(({ match }) => match === "proved");
    const found = new Set<number>();
    for (const replica of [...own, ...undecided]) {
      if (this.#stop.signal.aborted) return;
      if (found.has(replica.version)) continue;
      const origin = this.ports.usableOrigin(replica.origin);
      if (origin && (await this.#find(origin, replica))) found.add(replica.version);
    }
  }

  /** Replicas of which nobody can say yet whether they are the file's bytes. */
  #undecided({ sizeBytes }: FederatedFile, replicas: readonly Replica[]): Replica[] {
    const { policy } = this.ports;
    return replicas.filter(({ match, originVersion }) => {
      if (originVersion.sizeBytes !== sizeBytes) return false;
      return match === "unverified" || (match === "probable" && policy === "proved");
    });
  }

  async #find(origin: Origin, replica: Replica): Promise<boolean> {
    const { findings, policy, onError } = this.ports;
    const { sizeBytes } = replica.originVersion;
    const read = (region: Region) => this.#readSlice(origin, replica, region);
    try {
      if (policy === "proved") {
        await findings.setSha256(replica.version, await wholeSha256(sizeBytes, read));
      } else {
        await findings.setFingerprint(replica.version, await fingerprint(sizeBytes, read));
      }
      return true;
    } catch (error) {
      if (!this.#stop.signal.aborted) onError(error);
      return false;
    }
  }

  /** Reads a slice when it is its turn, which ends with it, or when its origin does not answer. */
  async #readSlice(origin: Origin, replica: Replica, region: Region): Promise<Uint8Array> {
    const before = this.#turn;
    const turn = Promise.withResolvers<void>();
    this.#turn = turn.promise;
    await before;
    try {
      return await this.#readInTurn(origin, replica, region, turn.resolve);
    } finally {
      turn.resolve();
    }
  }

  async #readInTurn(
    origin: Origin,
    replica: Replica,
    region: Region,
    endTurn: () => void,
  ): Promise<Uint8Array> {
    const { clock, isBusy, onOriginFailure, usableOrigin } = this.ports;
    const { signal } = this.#stop;
    // At least once, so that a fast origin leaves the event loop to others between two slices.
    for (let n = 0; n === 0 || (n < YIELDS && isBusy()); n++) {
      await sleep(clock, n === 0 && !isBusy() ? 0 : YIELD_MS, signal);
    }
    // A long file outlasts what was true when it was begun.
    if (usableOrigin(origin.id) !== origin) {
      throw new OriginError("connection", origin.id, "", "is disabled or not usable any more");
    }
    const startedMs = clock.monotonicMs();
    const slice = Symbol();
    using _patience = clock.schedule(SLICE_PATIENCE_MS, () => {
      this.#silent.set(slice, origin.id);
      endTurn();
      this.#wake.resolve();
    });
    try {
      return await this.#readWithin(origin, replica, region);
    } catch (error) {
      if (isOriginFailure(error)) onOriginFailure(origin, error, startedMs);
      throw error;
    } finally {
      this.#silent.delete(slice);
    }
  }

  /** Resolves to a copy of the region's bytes, which nobody else writes to. */
  async #readWithin(origin: Origin, replica: Replica, region: Region): Promise<Uint8Array> {
    const { clock } = this.ports;
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => resolve();
    const read = new ReadTry({ origin, replica, ...region }, clock, this.#buffers, end);
    const timer = clock.schedule(SLICE_TIMEOUT_MS, end);
    this.#endSlices.add(end);
    await promise;
    this.#endSlices.delete(end);
    timer[Symbol.dispose]();
    const bytes = read.bytes?.slice();
    const { settled, error } = read;
    read.abandon();
    if (bytes) return bytes;
    if (settled) throw error;
    throw new OriginError("timeout", origin.id, "", `did not answer within ${SLICE_TIMEOUT_MS} ms`);
  }
}
