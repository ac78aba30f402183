/**
 * Finds out in the background which replicas of a file are the same: by fingerprint, or by the hash
 * of the whole file where only proved replicas may stand in. One file at a time, one slice at a
 * time, and while reads are under way each slice waits a little for them.
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

/** A slice not read within this time is given up. */
const SLICE_TIMEOUT_MS = 30_000;

export class FingerprintQueue {
  /** Files to look at, by version, oldest first. */
  readonly #waiting = new Map<number, FederatedFile>();
  readonly #buffers = new ReadBuffers();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  /** Stops waiting for the slice that is being read. */
  #endSlice: () => void = () => undefined;

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
    this.#running ??= this.#run();
  }

  /** Gives up what runs and waits; resolves when nothing of it is left. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#endSlice();
    this.#waiting.clear();
    await this.#running;
  }

  /** Files that wait, the one being worked on not among them. */
  get size(): number {
    return this.#waiting.size;
  }

  async #run(): Promise<void> {
    for (const [version, file] of this.#waiting) {
      this.#waiting.delete(version);
      try {
        await this.#examine(file);
      } catch (error) {
        // The catalog cannot be read; the other files still have their turn.
        this.ports.onError(error);
      }
    }
    this.#running = undefined;
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

  async #readSlice(origin: Origin, replica: Replica, region: Region): Promise<Uint8Array> {
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
    try {
      return await this.#readWithin(origin, replica, region);
    } catch (error) {
      if (isOriginFailure(error)) onOriginFailure(origin, error, startedMs);
      throw error;
    }
  }

  /** Resolves to a copy of the region's bytes, which nobody else writes to. */
  async #readWithin(origin: Origin, replica: Replica, region: Region): Promise<Uint8Array> {
    const { clock } = this.ports;
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => resolve();
    const read = new ReadTry({ origin, replica, ...region }, clock, this.#buffers, end);
    const timer = clock.schedule(SLICE_TIMEOUT_MS, end);
    this.#endSlice = end;
    await promise;
    timer[Symbol.dispose]();
    const bytes = read.bytes?.slice();
    const { settled, error } = read;
    read.abandon();
    if (bytes) return bytes;
    if (settled) throw error;
    throw new OriginError("timeout", origin.id, "", `did not answer within ${SLICE_TIMEOUT_MS} ms`);
  }
}
